import { systemClock } from '../../src/util/clock.ts'
import { uuid } from '../../src/util/uuid.ts'
import { nextBatch } from '../../src/database/batch.ts'
import { createQueue } from '../../src/api/queue.ts'
import type { SyncStorage } from '../../src/storage/contract.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { createStore } from '../../src/database/store.ts'
import { createTable } from '../../src/api/table.ts'

/** A device that never meets a server: its store, its queue, and tables `t` and `u`. */
export function local(storage: SyncStorage = memoryStorage()) {
  const store = createStore(storage, uuid)
  const deps = {
    store,
    newId: uuid,
    createMissing: false,
    temporaryIds: false,
    assertCapacity: () => {},
  }
  return {
    storage,
    store,
    queue: createQueue(store, systemClock),
    t: createTable({ ...deps, settings: { name: 't' } }),
    u: createTable({ ...deps, settings: { name: 'u', key: 'code' } }),
    /** Marks the queue as sent, as a push does before the request goes out. */
    send: () =>
      store.write('local', (transaction) =>
        nextBatch(
          transaction,
          { mutations: 1000, bytes: 1e6 },
          { selectionEnd: Infinity },
          systemClock,
        ),
      ),
  }
}
