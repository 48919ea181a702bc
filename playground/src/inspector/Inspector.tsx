import type { Sync } from '../../../client/src/index.ts'
import { Checksums } from './Checksums.tsx'
import { History } from './History.tsx'
import { Log } from './Log.tsx'
import { Queue } from './Queue.tsx'
import { Standing } from './Standing.tsx'
import type { Wire } from './watch.ts'

/**
 * What a sync is doing and why, for developers. Goes into any React app: `<Inspector sync={sync} />`. What
 * it pulls, its cursor and its scopes are shown where its transport is watched (`watchTransport`).
 */
export function Inspector({
  sync,
  wire,
  title = 'this device',
}: {
  sync: Sync
  wire?: Wire
  title?: string
}) {
  return (
    <>
      <h2>Inspector: {title}</h2>
      <div className="panels">
        <Queue sync={sync} />
        {wire && <Log wire={wire} />}
        <Standing sync={sync} {...(wire && { wire })} />
        <History sync={sync} />
        <Checksums sync={sync} />
      </div>
    </>
  )
}
