-- The log: one row a change, facts only. The content of a row is read from its table at pull time, under the reader's
-- own policies. The triggers of 080_capture.sql and 110_members.sql write the log; sync_pull reads which entries are
-- new to a device, and sync_push which columns changed since a base version.

create type tidemark.change_op as enum ('insert', 'update', 'delete', 'leave', 'join');
comment on type tidemark.change_op is 'What an entry of the log says of its row: see tidemark.sync_changes.op.';

create table tidemark.sync_changes (
  id bigint generated always as identity,
  xact xid8 not null default pg_current_xact_id(),
  version bigint not null,
  at timestamptz not null default now(),
  edited_at timestamptz,
  user_id uuid,
  device_id uuid,
  table_no int not null,
  op tidemark.change_op not null,
  scope text collate "C" not null,
  row_id text collate "C" not null,
  columns text[],
  scope_key bigint not null generated always as (hashtextextended(scope, 0)) stored,
  -- The cursor's order. One index serves the pull and names the entry: a second one would cost
  -- every write in the project. Hashed, because every write pays for its length; readers ask for
  -- scope_key and for scope.
  constraint sync_changes_pkey primary key (scope_key, xact, id),
  constraint only_updates_name_columns check (columns is null or op = 'update')
);
comment on table tidemark.sync_changes is
  'The log of changes: scope, table, row, operation, version, changed columns, who, which device, when edited, when '
  'written.';
comment on column tidemark.sync_changes.xact is
  'The writing transaction. An entry is new to a cursor when this was not visible in the cursor''s snapshot.';
comment on column tidemark.sync_changes.op is
  'leave: the row moved to another scope; a device that reads only this one drops it. join and leave with table_no 0: '
  'the user of this scope joined or left the scope in row_id.';
comment on column tidemark.sync_changes.columns is 'Columns that an update changed; null means all.';
comment on column tidemark.sync_changes.edited_at is
  'When the user edited, by the corrected clock of the device; null for changes made on the server.';

-- History of one row, for merges. Hashed, because ids are long and every write pays for the index.
create index sync_changes_history on tidemark.sync_changes (hashtextextended(row_id, table_no));
