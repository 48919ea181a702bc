import { callSafely } from './call-safely.ts'

export type Listener<T> = (event: T) => void

/** A typed event emitter. An error that a listener throws reaches neither the emitter nor other listeners. */
export interface Emitter<Events> {
  /** Returns an unsubscribe function. */
  on<Name extends keyof Events>(name: Name, fn: Listener<Events[Name]>): () => void
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void
}

export function createEmitter<Events>(): Emitter<Events> {
  const listeners: { [Name in keyof Events]?: Set<Listener<Events[Name]>> } = {}
  return {
    on(name, fn) {
      const set = (listeners[name] ??= new Set())
      set.add(fn)
      return () => void set.delete(fn)
    },
    emit(name, event) {
      for (const fn of listeners[name] ?? [])
        callSafely(`a listener of ${String(name)}`, () => fn(event))
    },
  }
}
