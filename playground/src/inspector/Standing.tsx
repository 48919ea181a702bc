import { useState, useSyncExternalStore } from 'react'
import type { Device, Sync } from '../../../client/src/index.ts'
import { useRead } from '../use.ts'
import type { Standing as Stands, Wire } from './watch.ts'

/** Where a device stands: its cursor in words, its scopes, and the other devices of its user. */
export function Standing({ sync, wire }: { sync: Sync; wire?: Wire }) {
  const [asked, setAsked] = useState(0)
  const devices = useRead<Device[]>(sync, ['sync_completed'], () => sync.devices.list(), [])
  return (
    <section className="panel" aria-label="Standing">
      <h3>Where it stands</h3>
      {wire && <Position key={asked} sync={sync} wire={wire} />}
      <h4>Devices of this user</h4>
      <ul>
        {devices.map((device) => (
          <li key={device.device_id} className="row">
            <span>
              {device.name ?? device.device_id.slice(0, 8)}
              {device.current && ' (this one)'}
              <span className="quiet">
                {device.revoked_at
                  ? ', revoked'
                  : `, seen ${Math.max(0, device.lag_seconds)} s ago, edit ${device.last_seq}`}
              </span>
            </span>
            {!device.current && !device.revoked_at && (
              <button
                type="button"
                onClick={() => {
                  void sync.devices.revoke(device.device_id).then(() => sync.sync())
                  setAsked(asked + 1)
                }}
              >
                Revoke
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Position({ sync, wire }: { sync: Sync; wire: Wire }) {
  const cursor = useSyncExternalStore(wire.subscribe, wire.cursor)
  const standing = useRead<Stands | undefined>(
    sync,
    ['sync_completed'],
    () => wire.standing(),
    undefined,
  )
  return (
    <>
      <h4>Cursor</h4>
      <p>
        {cursor
          ? 'It holds a snapshot of the database: everything that was committed when it was taken has been served. The next pull serves what is visible now and was not visible then.'
          : 'None came since the page was loaded. Without one everything is downloaded.'}
      </p>
      {cursor && (
        <details>
          <summary>As it is sent</summary>
          <pre tabIndex={0}>{JSON.stringify(cursor, null, 1)}</pre>
        </details>
      )}
      <h4>Scopes</h4>
      <ul>
        {standing?.scopes.map((scope) => (
          <li key={scope}>
            <code>{scope}</code>
          </li>
        )) ?? <li className="quiet">not known yet</li>}
      </ul>
    </>
  )
}
