import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The folders in the order of README.md: each knows of those before it. */
const layers = [
  'database',
  'app',
  'oracle',
  'world',
  'drivers',
  'actions',
  'history',
  'breaks',
  'run',
  'tests',
]

const layerOf = (file: string): number => layers.indexOf(relative(root, file).split('/')[0]!)

it('imports of the simulation run downwards only', () => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, name))
  expect(files.every((file) => layerOf(file) >= 0)).toBe(true)
  const upwards = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/from '(\..+?)'/g)]
      .map(([, path]) => join(dirname(file), path!))
      .filter((path) => path.startsWith(root) && layerOf(path) > layerOf(file))
      .map((path) => `${relative(root, file)} imports ${relative(root, path)}`),
  )
  expect(upwards).toEqual([])
})
