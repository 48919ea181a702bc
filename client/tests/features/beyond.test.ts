import { register } from './parts.ts'

await register('beyond')
