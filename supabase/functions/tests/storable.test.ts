import { storable } from '../_tidemark/storable.ts'
import { assertEquals } from './assert.ts'

const check = (text: string) => storable(text, JSON.parse(text))

Deno.test('what Postgres can hold passes as it is, to the letter', () => {
  const text = String.raw`[ {"seq":1, "a":1.10, "b":"\\u0000 \ud83c\udf0a 🌊"} ,{"seq":2}]`
  assertEquals(check(text), text)
})

Deno.test(
  'an edit with a character that Postgres cannot hold is replaced, and only that one',
  () => {
    for (const bad of [
      String.raw`{"seq":2,"data":{"a":"x\u0000"}}`,
      String.raw`{"seq":2,"data":{"a":["\ud800"]}}`,
      String.raw`{"seq":2,"data":{"\udc00 name":1}}`,
      String.raw`{"seq":2,"data":{"a":"\u0041\udc00"}}`,
    ]) {
      const [before, replaced, after] = JSON.parse(
        check(`[{"seq":1,"a":1},${bad},{"seq":3,"a":3}]`),
      )
      assertEquals(
        [before, after],
        [
          { seq: 1, a: 1 },
          { seq: 3, a: 3 },
        ],
      )
      assertEquals(Object.keys(replaced), ['seq', 'tidemark_unreadable'])
      assertEquals(replaced.seq, 2)
    }
  },
)

Deno.test('so is one whose name the engine misreads after an object with the name \\', () => {
  for (const name of ['\\u0000', '\\ud800']) {
    for (let i = 0; i < 10; i++) check(String.raw`[{"seq":1,"data":{"one":1,"\\":1}}]`)
    const [replaced] = JSON.parse(check(`[{"seq":1,"data":{"one":1,"${name}":1}}]`))
    assertEquals(Object.keys(replaced), ['seq', 'tidemark_unreadable'])
  }
})

Deno.test('so is one that is nested without end', () => {
  const deep = (levels: number) => `[{"seq":1,"data":${'['.repeat(levels)}${']'.repeat(levels)}}]`
  assertEquals(check(deep(200)), deep(200))
  assertEquals(check(deep(100_000)).length < 200, true)
})
