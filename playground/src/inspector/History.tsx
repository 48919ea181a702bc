import type { RunRecord, Sync, SyncStats } from '../../../client/src/index.ts'
import { useRead } from '../use.ts'

const WIDTH = 600
const HEIGHT = 120
const BASE = HEIGHT - 18

const describe = ({ kind, at, durationMs, report, error }: RunRecord): string =>
  `${new Date(at).toLocaleTimeString()} ${kind}: ${durationMs} ms, ${report.pushed} up, ${report.pulled} down${error ? `, failed: ${error.message}` : ''}`

const rate = ({ report, durationMs }: RunRecord): number =>
  Math.round(((report.pushed + report.pulled) * 1000) / Math.max(1, durationMs))

/** The latest runs as a chart: one bar each, as high as it took long. */
export function History({ sync }: { sync: Sync }) {
  const stats = useRead<SyncStats | undefined>(
    sync,
    ['sync_completed', 'sync_error'],
    () => sync.stats(),
    undefined,
  )
  const storage = useRead<number | undefined>(
    sync,
    ['sync_completed'],
    async () => (await navigator.storage?.estimate())?.usage,
    undefined,
  )
  if (!stats) return null
  const { history, totals, averageMs, successRate } = stats
  const fastest = Math.max(0, ...history.map(rate))
  return (
    <section className="panel" aria-label="History">
      <h3>
        History <small>{totals.runs} runs</small>
      </h3>
      <Chart runs={history} />
      <p>
        {totals.pushed} edits up, {totals.pulled} rows down, {totals.merged} merged,{' '}
        {totals.rejected} refused. A run takes {Math.round(averageMs ?? 0)} ms on average,{' '}
        {Math.round((successRate ?? 0) * 100)} % succeed; the fastest carried{' '}
        {fastest.toLocaleString('en')} rows a second.
        {storage !== undefined &&
          ` All devices of this page together store about ${(storage / 1e6).toFixed(1)} MB.`}
      </p>
    </section>
  )
}

function Chart({ runs }: { runs: readonly RunRecord[] }) {
  const longest = Math.max(1, ...runs.map(({ durationMs }) => durationMs))
  const step = WIDTH / Math.max(20, runs.length)
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`The last ${runs.length} runs`}>
      <line x1={0} x2={WIDTH} y1={BASE} y2={BASE} className="axis" />
      {runs.map((run, place) => {
        const height = Math.max(2, (run.durationMs / longest) * (BASE - 14))
        return (
          <rect
            key={`${run.at} ${place}`}
            x={place * step + 1}
            y={BASE - height}
            width={Math.max(1, step - 2)}
            height={height}
            className={run.ok ? 'good' : 'bad'}
          >
            <title>{describe(run)}</title>
          </rect>
        )
      })}
      <text x={0} y={10}>
        {longest} ms
      </text>
      <text x={0} y={HEIGHT - 4}>
        older
      </text>
      <text x={WIDTH} y={HEIGHT - 4} textAnchor="end">
        now
      </text>
    </svg>
  )
}
