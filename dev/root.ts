import { existsSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** This package's root, from its sources as from where it is built: the folder that has the migrations. */
export const root = nearest(dirname(fileURLToPath(import.meta.url)))

/** The outermost node_modules around this package: all that is installed beside it lies below. */
export const modules =
  /^.*?[\\/]node_modules(?=[\\/])/.exec(root)?.[0] ?? join(root, 'node_modules')

/** A module to be run as a program, as TypeScript or as it was built, like the module that asks. */
export function program(name: string, asking: string): string {
  return fileURLToPath(new URL(`${name}${extname(asking)}`, asking))
}

function nearest(folder: string): string {
  if (existsSync(join(folder, 'supabase', 'migrations'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('this installation of tidemark lacks its migrations')
  return nearest(parent)
}
