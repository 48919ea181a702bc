/**
 * The seed of everything random in a test run: TIDEMARK_SEED, where `random` stands for a new one.
 * Without it the same each time, so that a test which turns red tells of what was changed.
 */
export function testSeed(): number {
  const asked = process.env.TIDEMARK_SEED ?? '20261121'
  const seed = asked === 'random' ? Date.now() % 1e9 : Number(asked)
  if (!Number.isSafeInteger(seed)) throw new Error(`TIDEMARK_SEED: expected a number, got ${asked}`)
  process.env.TIDEMARK_SEED = String(seed)
  return seed
}
