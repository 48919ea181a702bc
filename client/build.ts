/**
 * Builds the package into dist/ and prints what the client weighs in an app: `npm run build`, or with a
 * folder of one's own `node client/build.ts <folder>`.
 */
import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsdown'
import { kB, sizeOfClient } from './size.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Entry points of the package: those of package.json's `exports`, by the name of their file. */
const entry = {
  index: 'client/src/index.ts',
  attachments: 'client/src/integrations/attachments/index.ts',
  maintenance: 'client/src/integrations/maintenance/index.ts',
  env: 'client/src/integrations/env/index.ts',
  react: 'client/src/integrations/react/index.ts',
  redux: 'client/src/integrations/redux/index.ts',
  tanstack: 'client/src/integrations/tanstack/index.ts',
}

/** The command line, and what it starts as processes of their own: Node runs no TypeScript in node_modules. */
const programs = ['cli/main.ts', 'dev/gateway/main.ts', 'dev/functions/main.ts']

/** The whole package: the client, and the command line with the local stack. */
export async function buildPackage(outDir: string, logLevel: 'info' | 'silent'): Promise<void> {
  await buildClient(outDir, logLevel)
  await build({
    config: false,
    cwd: root,
    entry: programs,
    outDir,
    logLevel,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // File by file: modules look for others, and for SQL, beside themselves.
    unbundle: true,
    fixedExtension: false,
    dts: false,
    clean: false,
  })
  await cp(join(root, 'dev', 'sql'), resolve(root, outDir, 'dev', 'sql'), { recursive: true })
}

/** The client as ES modules and their types, in `outDir`. */
export async function buildClient(outDir: string, logLevel: 'info' | 'silent'): Promise<void> {
  await build({
    config: false,
    cwd: root,
    entry,
    outDir,
    logLevel,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    dts: true,
    clean: true,
  })
}

if (import.meta.main) {
  await buildPackage(process.argv[2] ?? 'dist', 'info')
  const size = kB(await sizeOfClient())
  console.log(
    `createSync with IndexedDB, auto and realtime: ${size} in all, minified and compressed`,
  )
}
