#!/usr/bin/env node
import { defineCommand, runMain } from 'citty'
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
  },
})

// Citty prints what it catches with a stack; a mistake in what was asked for needs none.
process.on('uncaughtException', (error) => {
  console.error(error instanceof CliError ? `error: ${error.message}` : error)
  process.exit(error instanceof CliError ? error.exitCode : 70)
})

await runMain(main)
