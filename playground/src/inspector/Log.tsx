import { useState, useSyncExternalStore } from 'react'
import type { Exchange, Wire } from './watch.ts'

const clockTime = (ms: number): string => new Date(ms).toLocaleTimeString()

const sameIn = (wanted: string, is: string): boolean => wanted === '' || wanted === is

/** What passed between the device and the server, as far as it is of one scope and table. */
export function Log({ wire }: { wire: Wire }) {
  const exchanges = useSyncExternalStore(wire.subscribe, wire.exchanges)
  const [scope, setScope] = useState('')
  const [table, setTable] = useState('')
  const portions = exchanges.flatMap((exchange) => exchange.portions)
  const shown = exchanges.filter(
    (exchange) =>
      (scope === '' && table === '') ||
      exchange.portions.some(
        (portion) => sameIn(scope, portion.scope) && sameIn(table, portion.table),
      ),
  )
  return (
    <section className="panel" aria-label="Log">
      <h3>
        What came and went <small>{shown.length}</small>
      </h3>
      <div className="row">
        <Select
          label="Scope"
          value={scope}
          values={portions.map((portion) => portion.scope)}
          onChange={setScope}
        />
        <Select
          label="Table"
          value={table}
          values={portions.map((portion) => portion.table)}
          onChange={setTable}
        />
      </div>
      <ol className="log" tabIndex={0} aria-label="Requests">
        {shown.map((exchange) => (
          <li key={exchange.number}>
            <Line exchange={exchange} scope={scope} table={table} />
          </li>
        ))}
      </ol>
    </section>
  )
}

function Line({ exchange, scope, table }: { exchange: Exchange; scope: string; table: string }) {
  const { at, ms, kind, sent, portions, joined, left, error } = exchange
  const quiet = portions.length === 0 && joined.length === 0 && left.length === 0 && !error
  return (
    <>
      <strong>
        {clockTime(at)} {kind}
      </strong>{' '}
      {ms} ms{sent > 0 && `, ${sent} edits up`}
      {quiet && sent === 0 && ', nothing new'}
      {error && `, failed: ${error}`}
      {joined.map((name) => (
        <div key={`joined ${name}`}>joined {name}</div>
      ))}
      {left.map((name) => (
        <div key={`left ${name}`}>left {name}</div>
      ))}
      {portions
        .filter((portion) => sameIn(scope, portion.scope) && sameIn(table, portion.table))
        .map(({ scope, table, upserts, removes }, place) => (
          // An answer may name a table of a scope twice.

          <div key={place}>
            {table} in {scope.slice(0, 13)}…: {upserts.length} rows
            {removes.length > 0 && `, ${removes.length} removed`}
          </div>
        ))}
    </>
  )
}

function Select({
  label,
  value,
  values,
  onChange,
}: {
  label: string
  value: string
  values: readonly string[]
  onChange: (value: string) => void
}) {
  return (
    <label className="choice">
      <span>{label}</span>
      <select value={value} onChange={({ target }) => onChange(target.value)}>
        <option value="">all</option>
        {[...new Set(values)].map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  )
}
