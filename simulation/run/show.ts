import { SingleBar } from 'cli-progress'
import type { Failure, Played, PlayOptions } from './play.ts'

type Told = Required<Pick<PlayOptions, 'onHistory' | 'onFailure'>>

/**
 * Shows how far the histories are, what they found and how to see it again. `command` is what started them.
 * Resolves to what `play` does.
 */
export async function show<P extends Played<unknown>>(
  command: string,
  histories: number,
  play: (told: Told) => Promise<P>,
): Promise<P> {
  const bar = new SingleBar({
    format: '  {bar} {value} of {total} histories',
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stdout,
  })
  const again = ({ seed, path }: Pick<Failure<unknown>, 'seed' | 'path'>): string =>
    `again: npm run ${command} --seed ${seed} --path ${path}`
  const { isTTY } = process.stdout
  if (isTTY) bar.start(histories, 0)
  const played = await play({
    onHistory(done) {
      if (isTTY) bar.update(Math.min(done, histories))
      else if (done % 1_000 === 0) console.log(`  ${done} histories`)
    },
    onFailure(failure) {
      bar.stop()
      console.log(`${failure.message}\n\n${again(failure)}\nshrinking it`)
    },
  })
  bar.stop()
  for (const [name, n] of [...played.counts].sort()) console.log(`  ${name.padEnd(32)} ${n}`)
  const { failure } = played
  if (failure) {
    console.log(`\n${failure.message}\n\n${JSON.stringify(failure.history)}`)
    console.log(`\n${again(failure)}`)
  } else console.log(`${histories} histories in ${played.seconds.toFixed(1)} s`)
  return played
}
