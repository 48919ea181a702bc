import { median } from '../measure.ts'

/** Where a size is heading. */
export interface Trend {
  /** Median of the last third of the samples by that of the second; the first third is warm-up. */
  ratio: number
  verdict: 'levelled off' | 'still rising'
}

/** Growth from third to third that is noise: a share, and bytes. More than both is a rise. */
const NOISE = { share: 0.05, bytes: 1e6 }

/** @param bytes at least three samples, at even distances */
export function trend(bytes: readonly number[]): Trend {
  const third = Math.floor(bytes.length / 3)
  const last = median(bytes.slice(-third))
  const second = median(bytes.slice(-2 * third, -third))
  const rises = last - second > Math.max(NOISE.bytes, NOISE.share * second)
  return { ratio: last / second, verdict: rises ? 'still rising' : 'levelled off' }
}
