#!/usr/bin/env node
import { defineCommand, runCommand, runMain } from 'citty'
import { CliError } from './errors.ts'

const main = defineCommand({
  meta: {
    name: 'tidemark',
    description: 'Offline-first sync that lives inside a Supabase project.',
  },
  subCommands: {
    init: () => import('./init.ts').then((module) => module.init),
    add: () => import('./add.ts').then((module) => module.add),
    doctor: () => import('./doctor/index.ts').then((module) => module.doctor),
    dev: () => import('./dev.ts').then((module) => module.dev),
    verify: () => import('./verify.ts').then((module) => module.verify),
    types: () => import('./types.ts').then((module) => module.types),
  },
})

const rawArgs = process.argv.slice(2)
if (rawArgs.length === 0 || rawArgs.some((arg) => arg === '--help' || arg === '-h')) {
  await runMain(main, { rawArgs: rawArgs.length === 0 ? ['--help'] : rawArgs })
} else {
  await runCommand(main, { rawArgs }).catch((error: unknown) => {
    if (error instanceof CliError) {
      console.error(`error: ${error.code}: ${error.message}`)
      process.exit(error.exitCode)
    }
    const usage = error instanceof Error && error.name === 'CLIError'
    console.error(usage ? `error: usage: ${error.message}` : error)
    process.exit(usage ? 64 : 70)
  })
}
