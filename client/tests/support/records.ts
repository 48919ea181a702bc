import { type QueuedMutation, type RowRecord } from '../../src/model/records.ts'

/** Records as short as a test wants them. */
export const row = (table: string, id: string, more: Partial<RowRecord> = {}): RowRecord => ({
  table,
  id,
  row: { id },
  version: 1,
  ...more,
})

export const edit = (seq: number, more: Partial<QueuedMutation> = {}): QueuedMutation => ({
  seq,
  table: 't',
  op: 'put',
  id: 'a',
  base: null,
  data: { id: 'a' },
  edited_at: '2026-01-01T00:00:00.000Z',
  size: 10,
  ...more,
})
