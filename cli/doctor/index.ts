import { defineCommand } from 'citty'
import { databaseUrl, openDatabase } from '../database.ts'
import { bad, createOutput, dim, good, warn } from '../output.ts'
import { findProject } from '../project.ts'
import { checkApi } from './api.ts'
import { checkDatabase } from './database.ts'
import { checkFiles, tablesOfApp } from './files.ts'
import type { Finding } from './finding.ts'

export const doctor = defineCommand({
  meta: { name: 'doctor', description: 'Says what is wrong with a project, and how to mend it.' },
  args: {
    'db-url': { type: 'string', description: 'the database; by default the local one' },
    url: { type: 'string', description: 'the API, to look at keys and functions too' },
    key: { type: 'string', description: 'the publishable key, with --url' },
    dir: {
      type: 'string',
      description: 'the project, by default the one around the current folder',
    },
    json: { type: 'boolean', description: 'print the findings as json' },
  },
  async run({ args }) {
    const out = createOutput(args.json ?? false)
    const project = findProject(args.dir)
    const sql = await openDatabase(await databaseUrl(args['db-url'], project.root))
    const findings: Finding[] = []
    try {
      findings.push(...(await checkFiles(project)))
      findings.push(...(await checkDatabase(sql, await tablesOfApp(project.root))))
      if (args.url && args.key)
        findings.push(...(await checkApi(args.url.replace(/\/$/, ''), args.key)))
    } finally {
      await sql.end({ timeout: 1 })
    }
    for (const { level, problem, mend } of findings) {
      out.line(`${level === 'error' ? bad('✗') : warn('!')} ${problem}`)
      out.line(`  ${dim(mend)}`)
    }
    if (findings.length === 0) out.line(`${good('✓')} nothing is wrong`)
    if (findings.some(({ mend }) => mend.includes('supabase db push')))
      out.line(
        dim('\nsupabase db push means the local stack; --remote makes it the linked project.'),
      )
    if (!args.url) out.line(dim('\nGive --url and --key to have keys and functions looked at too.'))
    out.result({ findings })
    if (findings.some(({ level }) => level === 'error')) process.exitCode = 1
  },
})
