import * as fc from 'fast-check'
import { elementTexts, memberTexts, objectText } from '../_tidemark/json.ts'
import { assertEquals } from './assert.ts'

Deno.test('a value is cut out as it was written: no digit of a number changes', () => {
  const members = memberTexts('{"big": 9007199254740993, "price" :1.10,"tiny":1e-400}')
  assertEquals(
    [...members],
    [
      ['big', '9007199254740993'],
      ['price', '1.10'],
      ['tiny', '1e-400'],
    ],
  )
})

Deno.test('brackets, commas and quotes inside strings are not structure', () => {
  assertEquals(elementTexts(String.raw`["],[", "\"", "\\", "\\\"", {"}":"{"}]`), [
    String.raw`"],["`,
    String.raw`"\""`,
    String.raw`"\\"`,
    String.raw`"\\\""`,
    '{"}":"{"}',
  ])
})

Deno.test('empty and one-element texts are told apart', () => {
  assertEquals(elementTexts(' [ ] '), [])
  assertEquals(elementTexts('[[]]'), ['[]'])
  assertEquals(elementTexts('[0]'), ['0'])
  assertEquals([...memberTexts(' { } ')], [])
  assertEquals([...memberTexts('{"":{}}')], [['', '{}']])
})

Deno.test('of a repeated name the last value counts, also when one of them is escaped', () => {
  assertEquals([...memberTexts(String.raw`{"a":1,"\u0061":2}`)], [['a', '2']])
})

Deno.test('any JSON text, taken apart and put together, still says the same', () => {
  const spaced = fc.tuple(
    fc.dictionary(fc.string(), fc.jsonValue()),
    fc.constantFrom(undefined, 1, '\t'),
  )
  fc.assert(
    fc.property(spaced, ([object, space]) => {
      const text = JSON.stringify(object, null, space)
      assertEquals(JSON.parse(objectText(memberTexts(text))), JSON.parse(text))
      const values = Object.values(object)
      const array = JSON.stringify(values, null, space)
      assertEquals(
        elementTexts(array).map((element) => JSON.parse(element)),
        JSON.parse(array),
      )
    }),
  )
})
