/** One of the five source systems and what it describes, or what none of them does. */
export interface SourceSystem {
  key: 's0' | 's1' | 's2' | 's3' | 's4' | 'beyond'
  title: string
  /** What the client must do, one row a feature. */
  rows: readonly string[]
}

/**
 * What the client must do, in the words of the systems that describe it. A test in `parts/` shows a row
 * when its name is the row, or begins with the row and a colon; docs/features.md is made from those names.
 */
export const SYSTEMS: readonly SourceSystem[] = [
  {
    key: 's0',
    title: 'S0 · Sync orchestrator (LocalStorage ↔ Supabase; contacts, images, preferences)',
    rows: [
      'queue item with action, entity, payload, local id, remote id, timestamp, attempts, last attempt, error, priority high/normal/low',
      'priority order, persisted, one processor at a time',
      'create/update/delete with the fall-backs (update of a missing row becomes a create; delete of a missing row succeeds)',
      'local id → remote id mapping',
      'image upload to Storage before the row that points at it',
      'conflict detection (both changed since last sync)',
      'local-wins, remote-wins, merge, newest-wins, ask-user (parked, resolved later)',
      'merge: local-only fields stay on the device, newest per named field, array union',
      'scheduler 30 s active / 5 min background / 15 min low battery; no sync offline, signed out, or under 15 % battery',
      'incremental pull',
      'grouped batches',
      'errors sorted into network, auth (refresh, then retry), conflict, permanent; exponential back-off; conflict and failed queues',
      'recovery: drop corrupt items, reset state, rebuild the queue from local data, restart',
      'metrics: queue length, pending creates/updates/deletes, failed, last/next sync, success rate, average time, data-in-sync check',
      'startSync, stopSync, forceSyncAll, clearQueue, resolveConflicts, getSyncStatus, repairSync, optimizeSync',
      'a sync completes within 30 s, nothing is lost, the UI never waits',
    ],
  },
  {
    key: 's1',
    title: 'S1 · Sync engineer (SQLite queue, delta protocol; contacts, interactions, reminders)',
    rows: [
      'connectivity listener, pending queue on start, then pull',
      'optimistic save: local first, queued, tried at once when online',
      'reads always local',
      'delta pull over several collections, applied in one local transaction with its cursor',
      'network error keeps the queue, conflict is handled and the queue goes on',
      'user notified where a conflict needs attention',
      'queue with type, collection, document, data, timestamp, retries, status; failed after 5 tries',
      'answer carries changes, deletions, server time, has-more, cursor',
      'background periodic task with network and battery constraints, success/failure reported',
    ],
  },
  {
    key: 's2',
    title: 'S2 · Progressive cloud sync (SQLite ↔ Supabase; notifications, projects, settings)',
    rows: [
      'works entirely without credentials, sync appears when URL and key are given',
      'seed (one-way up), hydrate (one-way down, new device), sync (both), each over chosen tables with progress percentage and message',
      'resolvers: newest, local, remote, custom async function, ready-made ones for notifications (read wins), projects, settings',
      "devices: this device's id and name, register, list, deregister",
      'events sync_started, sync_progress, sync_completed, sync_error, conflict_detected',
      'auto-sync with interval, start, stop, config at run time',
      'retry queue: stats, clear completed older than, retry all failed, clear failed',
      'stats: totals, last sync, pending, conflicts resolved, history of runs',
      'provider name, connected, validateConnection',
      'health check: no provider, disconnected, invalid, healthy',
      'env variables SUPABASE_URL, SUPABASE_ANON_KEY, SYNC_AUTO_ENABLED, SYNC_INTERVAL_MINUTES, SYNC_BATCH_SIZE, SYNC_MAX_RETRIES',
      'debounced sync',
      'selective sync',
    ],
  },
  {
    key: 's3',
    title: 'S3 · Universal sync manager (any app; offline-first and online-first)',
    rows: [
      'offline-first and online-first (remote primary with local fall-back) behind one API',
      'modes manual (default), auto (debounced 500 ms), periodic (30 s), realtime, on-reconnect',
      'directions both, push-only, pull-only',
      'last-write-wins (default), local-wins, remote-wins, merge function, keep-both',
      'storage limit 50 MB default with warn (default), error, prune',
      'per table: priority critical/high/medium/low, max records, skip (e.g. not on Wi-Fi), realtime flag',
      'onSync, onConflict, onOffline, onOnline, onError, onProgress',
      'network detection',
      'verification after a sync',
      'delta sync',
      'partial records',
      'compression',
      'encryption of sensitive fields',
      'several devices',
      'queue that survives restarts',
      'background workers',
      'metrics',
    ],
  },
  {
    key: 's4',
    title: 'S4 · Sync infrastructure (IndexedDB ↔ Supabase; trips, people, items, rule overrides)',
    rows: [
      'full work offline, hundreds of trips per user, shared trips',
      'change tracking from a Redux-style store by middleware, and per-entity trackers',
      'observable state: connectivity, operations, changes, conflicts; subscribers',
      'persistent FIFO with sequence ids that survives a browser restart',
      'sync loop: push, pull, resolve, stamp, wait',
      'change: ids, operation, data, previous data, user, version, timestamp, checksum, device, client version, attempts, error',
      'conflict analysis: temporal, structural, semantic, user context, a confidence score; field-level merge with merge metadata (strategy, confidence, when, both originals); automatic resolution on or off',
      'retry: at most 5, base 1 s, cap 30 s, 10 % jitter, only what is retryable',
      'batching by kind, deduplication of repeated changes to one entity',
      "token refreshed 60 s before it expires; only one's own data; permission by entity",
      'validation: schema, business rules, integrity',
      'error kinds network, auth, validation, conflict, storage, unknown',
      'recovery: partial sync, corruption, version mismatch, full resync without losing queued edits',
      'metrics by operation and strategy; health of queue, network, storage, conflicts',
      'later there, here in scope: realtime, suggested resolutions',
    ],
  },
  {
    key: 'beyond',
    title: 'What none of them has',
    rows: [
      'no committed change is ever missed, whatever the commit order, and no long transaction holds others up',
      'exactly once under lost answers, two tabs, cloned devices',
      "RLS is the only authority: a row that leaves a user's view leaves the user's devices, also when the row itself did not change",
      'a bad edit never blocks the queue and is never thrown away: it is set aside with its payload and reason, and can be fixed and sent again',
      'field-level three-way merge in the database, per-column rules, and every overruled value reported',
      'checksums per scope and table; drift is found and healed without a full download',
      'restore and failover are noticed, never silent',
      'no server beside Supabase; one SQL line per table',
    ],
  },
]
