import { useState } from 'react'
import type { Sync, Verification } from '../../../client/src/index.ts'
import { verify } from '../../../client/src/integrations/maintenance/index.ts'

/** Compares the rows with the server's, and heals them when told to. */
export function Checksums({ sync }: { sync: Sync }) {
  const [outcome, setOutcome] = useState<Verification>()
  const [problem, setProblem] = useState<string>()
  async function compare(heal: boolean): Promise<void> {
    try {
      setOutcome(await verify(sync, { heal }))
      setProblem(undefined)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <section className="panel" aria-label="Checksums">
      <h3>Checksums</h3>
      <div className="row">
        <button type="button" onClick={() => void compare(false)}>
          Verify
        </button>
        <button type="button" onClick={() => void compare(true)}>
          Verify and heal
        </button>
      </div>
      {problem && <p role="alert">{problem}</p>}
      {outcome && (
        <p role="status">
          {outcome.rows.toLocaleString('en')} rows compared,{' '}
          {outcome.inSync ? 'all alike' : 'not all alike'}
          {outcome.healed > 0 && `, ${outcome.healed} healed`}
          {outcome.differing.map(({ table, ids }) => (
            <span key={table}>{`; ${ids.length} differ in ${table}`}</span>
          ))}
        </p>
      )}
    </section>
  )
}
