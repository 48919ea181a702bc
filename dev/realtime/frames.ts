/** A message of the Phoenix protocol, version 2: an array as json. */
export interface Frame {
  joinRef: string | null
  ref: string | null
  topic: string
  event: string
  payload: Record<string, unknown>
}

export function decode(data: string): Frame {
  const [joinRef, ref, topic, event, payload] = JSON.parse(data) as [
    string | null,
    string | null,
    string,
    string,
    Record<string, unknown>,
  ]
  return { joinRef, ref, topic, event, payload }
}

export function encode({ joinRef, ref, topic, event, payload }: Frame): string {
  return JSON.stringify([joinRef, ref, topic, event, payload])
}
