import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import schema from '../../examples/playground/schema.sql?raw'
import { Connect } from './Connect.tsx'
import { createHousing, type Device } from './device/device.ts'
import { DevicePane } from './device/DevicePane.tsx'
import { furnish } from './device/setup.ts'
import { type Missing, requireTables } from './demo.ts'
import { Inspector } from './inspector/Inspector.tsx'
import { personOf, type Person } from './people.ts'
import type { Project } from './project.ts'

/** The devices side by side, and the inspector of one of them. */
export function Table({
  project,
  onConnect,
}: {
  project: Project
  onConnect: (project: Project) => void
}) {
  const [missing, setMissing] = useState<Missing | 'unknown' | undefined>('unknown')
  useEffect(() => {
    setMissing('unknown')
    void requireTables(project).then(setMissing)
  }, [project])
  if (missing === 'unknown') return <p className="quiet">looking for the tables …</p>
  if (missing)
    return (
      <>
        <WhatToDo missing={missing} />
        {!missing.tables && !project.local && <Connect project={project} onConnect={onConnect} />}
      </>
    )
  return <Devices project={project} />
}

function WhatToDo({ missing }: { missing: Missing }) {
  return (
    <section className="connect">
      <p role="alert">{missing.message}</p>
      {missing.tables && (
        <>
          <p>Run this as a migration or in the SQL editor, then load the page again:</p>
          <pre tabIndex={0}>{schema}</pre>
        </>
      )}
    </section>
  )
}

const PHONE = 'Ada’s phone'
const LAPTOP = 'Ada’s laptop'
const TABLET = 'Bob’s tablet'

function Devices({ project }: { project: Project }) {
  const [ada, bob] = useMemo(
    (): [Person, Person] => [personOf(project, 'Ada'), personOf(project, 'Bob')],
    [project],
  )
  const [phone, laptop, tablet] = useMemo(
    () =>
      [
        createHousing(project, ada, PHONE),
        createHousing(project, ada, LAPTOP),
        createHousing(project, bob, TABLET),
      ] as const,
    [project, ada, bob],
  )
  const [running, setRunning] = useState<Record<string, Device>>({})
  const [bobIsHere, setBobIsHere] = useState(false)
  const [inspected, setInspected] = useState(PHONE)
  const inspector = useRef<HTMLElement>(null)

  const onStart = useCallback(async (device: Device): Promise<void> => {
    const { name } = device.housing
    setRunning((running) => ({ ...running, [name]: device }))
    // So that the others hear of it before its first edit.
    void device.sync.devices.register().catch(() => {})
    if (name === PHONE) await furnish(device)
    else await device.sync.sync().catch(() => {})
  }, [])
  const onInspect = useCallback((name: string): void => {
    setInspected(name)
    inspector.current?.scrollIntoView({ behavior: 'smooth' })
    inspector.current?.focus()
  }, [])

  const guest =
    bobIsHere && running[TABLET] ? { name: 'Bob', userId: running[TABLET].userId } : undefined
  const device = running[inspected]
  return (
    <>
      <p className="row">
        <button type="button" aria-pressed={bobIsHere} onClick={() => setBobIsHere(!bobIsHere)}>
          {bobIsHere ? 'Send Bob away' : 'Bring in Bob, another user'}
        </button>
      </p>
      <div className="devices">
        {[phone, laptop, ...(bobIsHere ? [tablet] : [])].map((housing) => (
          <DevicePane key={housing.name} {...{ housing, guest, onStart, onInspect }} />
        ))}
      </div>
      <section ref={inspector} tabIndex={-1} aria-label="Inspector" className="inspector">
        {device && (
          <Inspector key={device.number} sync={device.sync} wire={device.wire} title={inspected} />
        )}
      </section>
    </>
  )
}
