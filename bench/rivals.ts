import { matrixText } from './matrix.ts'
import { byHand } from './rivals/by-hand.ts'
import { legend } from './rivals/legend.ts'
import { raw } from './rivals/raw.ts'
import type { Rival } from './rivals/rival.ts'
import { rxdb } from './rivals/rxdb.ts'
import { tidemark } from './rivals/tidemark.ts'
import { installZero } from './rivals/zero-cache.ts'
import { zero } from './rivals/zero.ts'
import { sideBySide } from './side-by-side.ts'
import { type Bench, chosen, type Outcome, type Subject } from './subject.ts'

/** The client, plain SQL, supabase-js by hand and other local stores: same rows, same stack, in turns. */
export const rivals: Subject = { name: 'rivals', serves: 'api', run }

async function run(bench: Bench): Promise<Outcome> {
  const all: Rival[] = [tidemark, raw, byHand, rxdb, legend, zero]
  const wanted = chosen(all, bench.contenders)
  const missing = wanted.includes(zero) ? await installZero(bench) : undefined
  const there = missing ? wanted.filter((one) => one !== zero) : wanted
  const sizes = bench.quick
    ? { held: 2_000, moved: 500, runs: 10 }
    : { held: 20_000, moved: 5_000, runs: 50 }
  const matrix = await sideBySide(bench, there, sizes)
  if (missing) {
    matrix.contenders.push(zero.name)
    for (const { cells } of matrix.lines) cells[zero.name] = { reason: missing }
  }
  return { results: [], figures: matrix, text: matrixText(matrix) }
}
