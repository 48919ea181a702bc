import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { sha256 } from '../src/sha256.ts'

it('a batch is called what the database calls it, whatever its length', () => {
  const texts = Array.from({ length: 140 }, (_, length) => 'aé€😀'.repeat(length).slice(0, length))
  for (const text of [...texts, '[{"seq":1}]'.repeat(10_000)])
    expect(sha256(text)).toBe(createHash('sha256').update(text).digest('hex'))
})
