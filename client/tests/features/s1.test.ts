import { register } from './parts.ts'

await register('s1')
