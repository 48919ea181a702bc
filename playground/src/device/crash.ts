import { personOf } from '../people.ts'
import { findProject } from '../project.ts'
import { createHousing, type Housing, start } from './device.ts'

/** What a frame has to know of the device that it runs. */
interface Victim {
  person: string
  name: string
  skew: number
  slow: boolean
  online: boolean
}

const SIGN = '#crash='
const REACHED = 'tidemark-playground-reached'

/** The device that this page is to run in a frame, where it is one that is going to be killed. */
export function victim(): Victim | undefined {
  if (!location.hash.startsWith(SIGN)) return undefined
  return JSON.parse(decodeURIComponent(location.hash.slice(SIGN.length))) as Victim
}

/** In the frame: syncs, and tells the page around it when the server has answered a request of that sync. */
export async function syncUntilKilled({ person, name, ...conditions }: Victim): Promise<void> {
  const reached = (): void => parent.postMessage(REACHED, location.origin)
  try {
    const project = await findProject()
    if (!project) return
    const housing = createHousing(project, personOf(project, person), name)
    housing.mode = 'manual'
    Object.assign(housing.conditions, conditions)
    housing.conditions.loseAnswer(reached)
    const { sync } = await start(housing)
    await sync.sync()
  } finally {
    // Offline there is no answer to wait for.
    reached()
  }
}

/**
 * Runs the device's next sync in a frame, and takes the frame away when the server has answered and the
 * client has not heard of it: what runs there ends at once, in the middle, as with a process that is killed.
 * Whoever calls has closed the device.
 */
export async function crash({ person, name, conditions }: Housing): Promise<void> {
  const { skew, slow, online } = conditions
  const frame = document.createElement('iframe')
  frame.hidden = true
  frame.title = `${name}, about to be killed`
  const about: Victim = { person: person.name, name, skew, slow, online }
  frame.src = `${location.pathname}${SIGN}${encodeURIComponent(JSON.stringify(about))}`
  const reached = new Promise<void>((resolve) => {
    addEventListener('message', function listen({ source, data }) {
      if (source !== frame.contentWindow || data !== REACHED) return
      removeEventListener('message', listen)
      resolve()
    })
  })
  document.body.append(frame)
  await reached
  frame.remove()
}
