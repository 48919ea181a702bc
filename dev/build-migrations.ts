import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './root.ts'
import { buildMigration, nextMigration, readSchemas } from './schemas.ts'

const path = join('supabase', 'migrations', nextMigration)
const files = await readSchemas()
await writeFile(join(root, path), buildMigration(files))
console.log(`${path}, of ${files.length} files`)
