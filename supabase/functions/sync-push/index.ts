import { depsFromEnv } from '../_tidemark/deps.ts'
import { handler } from './handler.ts'

const deps = depsFromEnv((name) => Deno.env.get(name))

Deno.serve((request) => handler(request, deps))
