import { useCallback, useEffect, useRef, useState } from 'react'
import { type Device, type Housing, start } from './device.ts'

/** A device of the page while it lives. */
export interface Life {
  device: Device | undefined
  /** Why it is not there. */
  problem: string | undefined
  /** Kills it and starts it again over what it has stored. */
  restart(): Promise<void>
  /** Starts a sync, loses the answer of its next request and kills the device there; it starts again by itself. */
  killInSync(): Promise<void>
}

const RESTART_AFTER = 800

export function useDevice(housing: Housing, onStart: (device: Device) => Promise<void>): Life {
  const [device, setDevice] = useState<Device>()
  const [problem, setProblem] = useState<string>()
  const living = useRef<Device>(undefined)

  const boot = useCallback(async (): Promise<void> => {
    try {
      const started = await start(housing)
      living.current = started
      setDevice(started)
      setProblem(undefined)
      await onStart(started)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }, [housing, onStart])

  useEffect(() => {
    void boot()
    return () => {
      void living.current?.kill()
      living.current = undefined
    }
  }, [boot])

  const restart = useCallback(async (): Promise<void> => {
    const dying = living.current
    living.current = undefined
    setDevice(undefined)
    await dying?.kill()
    await new Promise((resolve) => setTimeout(resolve, RESTART_AFTER))
    await boot()
  }, [boot])

  const killInSync = useCallback(async (): Promise<void> => {
    const dying = living.current
    if (!dying) return
    await new Promise<void>((resolve) => {
      housing.conditions.loseAnswer(resolve)
      dying.sync.sync().catch(() => resolve())
    })
    housing.story.tell('trouble', 'Killed while its sync was under way; the answer never came')
    await restart()
  }, [housing, restart])

  return { device, problem, restart, killInSync }
}
