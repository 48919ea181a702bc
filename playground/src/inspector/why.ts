import type { QueueItem, SyncStatus } from '../../../client/src/index.ts'

const clockTime = (ms: number): string => new Date(ms).toLocaleTimeString()

const sentences = (...parts: unknown[]): string =>
  parts
    .filter((part): part is string => typeof part === 'string' && part !== '')
    .map((part) => part.replace(/\.?$/, '.'))
    .join(' ')

/** Why an edit is not on the server, and what would bring it there. */
export function whyNot(
  { status: state, attempts, error }: QueueItem,
  { online, lastError, nextSync, state: doing }: SyncStatus,
): string {
  if (state === 'failed')
    return `The server refused it (${error?.code}): ${sentences(error?.message, error?.hint)} It was set aside so that others could pass. Change and retry it, or discard it.`
  if (doing === 'syncing')
    return state === 'sent'
      ? 'It has been sent, and its answer has not come yet.'
      : 'A sync is running; it goes with this one or the next.'
  if (!online) return 'The device is offline. It goes out with the first sync after that.'
  if (state === 'sent')
    return `It was sent ${attempts} times without an answer${error ? ` (${error.message})` : ''}. The server may have it: it is sent again under the same number, and taken only once.`
  if (lastError)
    return `The last sync failed: ${lastError.message} (${lastError.code}). ${next(nextSync)}`
  return next(nextSync)
}

const next = (nextSync: number | null): string =>
  nextSync === null
    ? 'Nothing is planned: it goes out with the next sync that somebody or something asks for.'
    : `The next sync is planned for ${clockTime(nextSync)}.`
