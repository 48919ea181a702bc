import { useEffect, useState, useSyncExternalStore } from 'react'
import type { OpenConflict } from '../../../client/src/index.ts'
import { ConflictDialog } from '../conflict/ConflictDialog.tsx'
import { Contacts } from '../lists/Contacts.tsx'
import { type Guest, Packing } from '../lists/Packing.tsx'
import { Choice } from '../ui/Choice.tsx'
import { Switch } from '../ui/Switch.tsx'
import { useRead, useStatus } from '../use.ts'
import { type Device, type Housing, type ModeName, MODES } from './device.ts'
import type { Note } from './story.ts'
import { type Life, useDevice } from './useDevice.ts'
import { useWaiting } from './waiting.ts'

const modeLabels: Record<ModeName, string> = {
  live: 'at once, both ways',
  manual: 'when asked (manual)',
  auto: 'after edits (auto)',
  periodic: 'every 10 s (periodic)',
  realtime: 'at news (realtime)',
  'on-reconnect': 'back online (on-reconnect)',
}

const skewLabels = { '-60': 'an hour behind', '0': 'right', '60': 'an hour ahead' } as const

/** One device: what it has to cope with, what it holds, and what happened to it. */
export function DevicePane({
  housing,
  guest,
  onStart,
  onInspect,
}: {
  housing: Housing
  guest: Guest | undefined
  onStart: (device: Device) => Promise<void>
  onInspect: (name: string) => void
}) {
  const life = useDevice(housing, onStart)
  const { device, problem } = life
  const notes = useSyncExternalStore(housing.story.subscribe, housing.story.notes)
  return (
    <section className="device" aria-label={housing.name}>
      <header className="row">
        <h2>{housing.name}</h2>
        {device && (
          <button type="button" onClick={() => onInspect(housing.name)}>
            Inspect
          </button>
        )}
      </header>
      <Surroundings housing={housing} life={life} />
      {problem && <p role="alert">{problem}</p>}
      {device ? (
        <Running key={device.number} device={device} notes={notes} guest={guest} />
      ) : (
        !problem && <p className="quiet">starting …</p>
      )}
    </section>
  )
}

/** The switches: network, clock and mode. They keep their positions when the device is killed. */
function Surroundings({ housing, life }: { housing: Housing; life: Life }) {
  const { conditions } = housing
  const { device } = life
  const [, setTurned] = useState(0)
  const turn = (fn: () => void): void => {
    fn()
    setTurned((turned) => turned + 1)
  }
  return (
    <div className="conditions">
      <Switch
        checked={conditions.online}
        onChange={(online) => turn(() => conditions.setOnline(online))}
      >
        Online
      </Switch>
      <Switch checked={conditions.slow} onChange={(slow) => turn(() => conditions.setSlow(slow))}>
        Slow network
      </Switch>
      <Choice
        label="Clock"
        value={String(conditions.skew) as keyof typeof skewLabels}
        labels={skewLabels}
        onChange={(minutes) => turn(() => conditions.setSkew(Number(minutes)))}
      />
      <Choice
        label="Syncs"
        value={housing.mode}
        labels={modeLabels}
        onChange={(mode) =>
          turn(() => {
            housing.mode = mode
            device?.sync.configure({ mode: MODES[mode] })
          })
        }
      />
      <div className="row">
        <button
          type="button"
          className="primary"
          disabled={!device}
          onClick={() => void device?.sync.sync().catch(() => {})}
        >
          Sync now
        </button>
        <button type="button" disabled={!device} onClick={() => void life.killInSync()}>
          Kill in mid-sync
        </button>
        <button type="button" disabled={!device} onClick={() => void life.restart()}>
          Restart
        </button>
      </div>
    </div>
  )
}

function Running({
  device,
  notes,
  guest,
}: {
  device: Device
  notes: readonly Note[]
  guest: Guest | undefined
}) {
  const { sync } = device
  const waiting = useWaiting(sync)
  const { state, online, pending, failed, lastError } = useStatus(sync)
  const conflicts = useRead<OpenConflict[]>(
    sync,
    ['sync_completed', 'conflict_resolved'],
    () => sync.conflicts.list(),
    [],
  )
  const [deciding, setDeciding] = useState<OpenConflict>()
  useEffect(() => {
    if (conflicts.length === 0) setDeciding(undefined)
  }, [conflicts])
  const doing = state === 'syncing' ? 'syncing …' : online ? 'online' : 'offline'
  return (
    <>
      <p className="standing" role="status">
        {doing}, {pending === 1 ? '1 edit waits' : `${pending} edits wait`}
        {failed > 0 && `, ${failed} refused`}
        {lastError && online && `: ${lastError.message}`}
      </p>
      {conflicts.map((conflict) => (
        <p className="row alert" key={conflict.conflict_id}>
          <span>{`${String(conflict.server.name)}: two versions`}</span>
          <button type="button" onClick={() => setDeciding(conflict)}>
            Decide
          </button>
        </p>
      ))}
      {deciding && (
        <ConflictDialog
          key={deciding.conflict_id}
          sync={sync}
          conflict={deciding}
          onClose={() => setDeciding(undefined)}
        />
      )}
      <Contacts device={device} waiting={waiting} notes={notes} />
      <Packing device={device} waiting={waiting} notes={notes} guest={guest} />
      <section className="list">
        <h3>What happened to its edits</h3>
        {notes.length === 0 && <p className="quiet">Nothing worth telling yet.</p>}
        <ol className="notes" aria-label="What happened">
          {notes.map(({ number, kind, text }) => (
            <li key={number}>
              <span className="badge" data-kind={kind}>
                {kind}
              </span>{' '}
              {text}
            </li>
          ))}
        </ol>
      </section>
    </>
  )
}
