import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise, type ICruiseResult, type IModule } from 'dependency-cruiser'
import { beforeAll, describe, expect, it } from 'vitest'

const client = fileURLToPath(new URL('..', import.meta.url))

/** From the top to the bottom: a room imports from itself and from rooms further down. */
const ROOMS = [
  'integrations',
  'api',
  'schedule',
  'sync',
  'database',
  'storage',
  'transport',
  'platform',
  'model',
  'util',
]

const roomOf = (file: string): string => file.split('/')[1]!

let modules: IModule[]
/** Imports of one file by another inside of src, types included. */
let imports: { from: string; to: string }[]

beforeAll(async () => {
  const { output } = await cruise(['src'], {
    baseDir: client,
    parser: 'swc',
    tsPreCompilationDeps: true,
    ruleSet: { forbidden: [{ name: 'circle', from: {}, to: { circular: true } }] },
    validate: true,
    enhancedResolveOptions: { extensions: ['.ts', '.tsx'] },
  })
  modules = (output as ICruiseResult).modules.filter(({ source }) => source.startsWith('src/'))
  imports = modules.flatMap(({ source, dependencies }) =>
    dependencies
      .map(({ resolved }) => resolved)
      .filter((resolved) => resolved.startsWith('src/'))
      .map((to) => ({ from: source, to })),
  )
})

describe("the rooms of the client's sources", () => {
  it('are the ten that the layout names, beside the index', async () => {
    const found = (await readdir(join(client, 'src'))).sort()
    expect(found).toEqual([...ROOMS, 'index.ts'].sort())
    // The rules below hold for nothing where the cruiser reads nothing.
    expect(imports.length).toBeGreaterThan(300)
  })

  it('import downwards only, types too', () => {
    const upwards = imports
      .filter(({ from }) => from !== 'src/index.ts')
      .filter(({ to }) => to === 'src/index.ts' || isAbove(to, imports))
    function isAbove(to: string, all: typeof imports): boolean {
      return all.some(
        (each) => each.to === to && ROOMS.indexOf(roomOf(to)) < ROOMS.indexOf(roomOf(each.from)),
      )
    }
    expect(upwards).toEqual([])
  })

  it('have no circle, of types neither', () => {
    const circles = modules.flatMap(({ source, dependencies }) =>
      dependencies
        .filter(({ circular }) => circular)
        .map(({ cycle = [] }) => [source, ...cycle.map(({ name }) => name)].join(' → ')),
    )
    expect(circles).toEqual([])
  })

  it('load nothing later', () => {
    const later = modules.flatMap(({ source, dependencies }) =>
      dependencies
        .filter(({ dependencyTypes }) => dependencyTypes.includes('dynamic-import'))
        .map(({ module }) => `${source}: import('${module}')`),
    )
    expect(later).toEqual([])
  })

  it('are drawn as they are', async () => {
    await expect(picture()).toMatchFileSnapshot('../../docs/client-rooms.md')
  })
})

/** One box a room with the number of its files, one arrow for all imports of a room by another. */
function picture(): string {
  const files = (room: string): number =>
    modules.filter(({ source }) => roomOf(source) === room).length
  const boxes = ROOMS.map((room) => `  ${room}["${room} · ${files(room)} files"]`)
  const arrows = ROOMS.flatMap((from) =>
    ROOMS.filter((to) => to !== from).flatMap((to) => {
      const count = imports.filter(
        (each) => roomOf(each.from) === from && roomOf(each.to) === to,
      ).length
      return count > 0 ? [`  ${from} -->|${count}| ${to}`] : []
    }),
  )
  return [
    "# The rooms of the client's sources",
    '',
    `\`client/src\` has ten rooms, each a layer: a room imports from itself and from rooms below it, types included. The number on an arrow counts the imports. This page is made by \`client/tests/rooms.test.ts\`, which also tests the rule. To draw the page anew, delete it and run \`npm test -- vitest client/tests/rooms.test.ts\`.`,
    '',
    '```mermaid',
    'flowchart TB',
    ...boxes,
    ...arrows,
    '```',
    '',
  ].join('\n')
}
