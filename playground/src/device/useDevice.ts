import { useCallback, useEffect, useRef, useState } from 'react'
import { crash } from './crash.ts'
import { type Device, type Housing, start } from './device.ts'

/** A device of the page while it lives. */
export interface Life {
  device: Device | undefined
  /** Why it is not there. */
  problem: string | undefined
  /** Ends it and starts it again over what it has stored. */
  restart(): Promise<void>
  /** Kills it when a request of its next sync has reached the server; it starts again by itself. */
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
      void living.current?.close()
      living.current = undefined
    }
  }, [boot])

  /** Ends the device, lets `meanwhile` happen to what it has stored, and starts it again. */
  const over = useCallback(
    async (meanwhile?: () => Promise<void>): Promise<void> => {
      const dying = living.current
      if (!dying) return
      living.current = undefined
      setDevice(undefined)
      await dying.close()
      await meanwhile?.()
      await new Promise((resolve) => setTimeout(resolve, RESTART_AFTER))
      await boot()
    },
    [boot],
  )

  const restart = useCallback(() => over(), [over])
  const killInSync = useCallback(
    () =>
      over(async () => {
        await crash(housing)
        housing.story.tell('trouble', 'Killed while its sync was under way; the answer never came')
      }),
    [housing, over],
  )

  return { device, problem, restart, killInSync }
}
