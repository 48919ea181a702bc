import type { Deps } from './deps.ts'

/** What two writers in each other's way end with; the loser did nothing and may simply go again. */
const TRANSIENT = new Set(['40001', '40P01'])

const TRIES = 3
const BASE_MS = 50

/**
 * Calls again when the database asks for it: up to 3 tries, waiting a random part of 50 ms, then of
 * 200 ms. Random over the whole range, for equal waits would let the same two meet again.
 */
export async function retrying<T extends { error?: { code: string } }>(
  call: () => Promise<T>,
  { sleep, random }: Pick<Deps, 'sleep' | 'random'>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const answer = await call()
    if (attempt === TRIES || !answer.error || !TRANSIENT.has(answer.error.code)) return answer
    await sleep(random() * BASE_MS * 4 ** (attempt - 1))
  }
}
