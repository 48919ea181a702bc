import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { denoBinary } from '../binaries.ts'
import { denoEnvironment, denoFlags } from '../functions/deno.ts'
import type { RunOptions, Summary } from './summary.ts'

/** The functions' own tests, on the runtime that serves them. */
export async function runDeno(root: string, { stackFile, chosen }: RunOptions): Promise<Summary> {
  const folder = join(root, 'supabase', 'functions')
  const report = await mkdtemp(join(tmpdir(), 'tidemark-deno-'))
  const args = [
    'test',
    '--no-check',
    '--allow-net',
    '--allow-env',
    '--allow-read',
    `--junit-path=${join(report, 'junit.xml')}`,
  ]
  args.push(...denoFlags(folder), ...(chosen.length > 0 ? chosen : await testFiles(folder)))
  const child = spawn(await denoBinary(), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...denoEnvironment(), TIDEMARK_STACK: stackFile },
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    const summary = count(await readFile(join(report, 'junit.xml'), 'utf8').catch(() => ''))
    if (code !== 0 && summary.failed === 0) summary.failed = 1
    return summary
  } finally {
    await rm(report, { recursive: true })
  }
}

/** By name: Deno looks for tests in a folder only where its configuration file is. */
async function testFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join(folder, name))
}

function count(junit: string): Summary {
  const summary: Summary = { passed: 0, failed: 0, skipped: [] }
  for (const [, name = '', rest = ''] of junit.matchAll(
    /<testcase name="([^"]*)"[^>]*?(\/>|>.*?<\/testcase>)/gs,
  )) {
    if (/<(failure|error)/.test(rest)) summary.failed++
    else if (rest.includes('<skipped'))
      summary.skipped.push({ test: name, reason: 'ignored in its file' })
    else summary.passed++
  }
  return summary
}
