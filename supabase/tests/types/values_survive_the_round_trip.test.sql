-- No value is damaged on its way: stored, pulled, pushed back as it came under another id, it is the same to the last
-- bit. Nor by an edit of another column, plain or merged.
begin;
\ir ../helpers.psql
select plan(334);

create type public.rt_mood as enum ('sad', 'so so', 'happy "very"');
create type public.rt_pair as (a bigint, b text, c numeric[]);
create domain public.rt_big as bigint check (value > 0);
create domain public.rt_bigger as public.rt_big;
create domain public.rt_tags as text[];

create temp table samples (n int generated always as identity, type text, literal text);
grant select on samples to public;
insert into samples (type, literal) values
  ('smallint', '-32768'), ('integer', '2147483647'),
  ('bigint', '9007199254740993'), ('bigint', '-9223372036854775808'),
  ('numeric', '123456789012345678901234567890.1234567890123456789'), ('numeric', '0.1000'), ('numeric', '1e-30'),
  ('numeric', '9007199254740993'), ('numeric', 'NaN'), ('numeric', 'Infinity'), ('numeric', '-Infinity'), ('numeric(10,2)', '12345678.90'),
  ('real', '3.4028235e38'), ('real', '0.1'), ('double precision', '1.7976931348623157e308'), ('double precision', '5e-324'),
  ('double precision', '0.1'), ('double precision', 'NaN'), ('double precision', '-Infinity'),
  ('boolean', 'true'), ('boolean', 'false'),
  ('text', ''), ('text', 'null'), ('text', E'tab\t, newline\n, return\r, bell\x07'), ('text', 'quotes " '' `, back\slash, {braces}, $1, %s'),
  ('text', 'ünï ✓ 日本 👩‍👩‍👧 ' || chr(65279) || chr(8232)), ('text', ' spaces around '),
  ('varchar(5)', 'ab   '), ('char(5)', 'ab'), ('"char"', 'x'), ('name', 'a name'),
  ('bytea', ''), ('bytea', '\x00ff5c27'),
  ('timestamptz', '2026-01-02 03:04:05.123456+00'), ('timestamptz', '2026-07-01 00:00:00+00'), ('timestamptz', 'infinity'), ('timestamptz', '-infinity'),
  ('timestamptz', '0044-03-15 12:00:00.5+00 BC'), ('timestamptz', '294276-12-31 23:59:59.999999+00'),
  ('timestamp', '2026-01-02 03:04:05.123456'), ('timestamp', 'infinity'), ('timestamp', '4713-01-01 00:00:00 BC'),
  ('date', '2026-02-28'), ('date', 'infinity'), ('date', '-infinity'), ('date', '0044-03-15 BC'), ('date', '5874897-12-31'),
  ('time', '24:00:00'), ('time', '00:00:00.000001'), ('timetz', '04:05:06.789-08:30'),
  ('interval', '1 year -2 mons +3 days -04:05:06.789'), ('interval', '0'), ('interval', 'infinity'), ('interval', '-178000000 years'),
  ('uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'),
  ('jsonb', '{"b": [1, null, "x"], "a": {"deep": 9007199254740993.10}}'), ('jsonb', '"a string"'), ('jsonb', '"null"'), ('jsonb', '""'), ('jsonb', '[]'), ('jsonb', 'false'), ('jsonb', '0'), ('jsonb', '[null]'),
  ('json', '{"a": 1, "b": 2}'),
  ('text[]', '{}'), ('text[]', '{a,NULL,"","null","NULL","a,b","{c}","\"q\"","back\\slash"," s "}'), ('text[]', '{{a,b},{c,NULL}}'),
  ('integer[]', '{{{1,2}},{{3,4}}}'), ('bigint[]', '{9007199254740993,-9223372036854775808,NULL}'), ('bigint[]', '{{9007199254740993},{1}}'),
  ('numeric[]', '{0.10,NaN,Infinity,123456789012345678901234567890}'), ('double precision[]', '{NaN,-Infinity,0.1}'), ('boolean[]', '{t,f,NULL}'),
  ('timestamptz[]', '{"2026-01-02 03:04:05.123456+00",infinity,NULL}'), ('bytea[]', '{"\\x00ff",NULL}'), ('date[]', '{2026-01-01,NULL}'),
  ('uuid[]', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), ('jsonb[]', '{"{\"a\": 1}","[1, null]","\"s\"",NULL}'), ('interval[]', '{"1 day","-02:00:00"}'),
  ('public.rt_mood', 'happy "very"'), ('public.rt_mood[]', '{sad,NULL,"so so"}'),
  ('public.rt_big', '9007199254740993'), ('public.rt_bigger', '9007199254740993'), ('public.rt_tags', '{a,NULL,"b c"}'), ('public.rt_big[]', '{9007199254740993,NULL}'),
  ('public.rt_pair', '(9007199254740993,"x, ""y"" \\",)'), ('public.rt_pair', '(,,)'), ('public.rt_pair', '(1,"","{0.10,NULL,NaN}")'), ('public.rt_pair[]', '{"(9007199254740993,b,)",NULL}'),
  ('int4range', '[1,10)'), ('int4range', 'empty'), ('int4range', '(,)'), ('numrange', '(0.10,9007199254740993.5]'), ('tstzrange', '["2026-01-01 00:00:00+00",infinity)'),
  ('int8multirange', '{[1,2),[5,9007199254740993)}'), ('int4range[]', '{"[1,2)",NULL}'),
  ('inet', '192.168.0.1/24'), ('inet', '::1'), ('cidr', '10.0.0.0/8'), ('macaddr', '08:00:2b:01:02:03'),
  ('bit(4)', '0101'), ('varbit', '011'), ('point', '(1.5,-2)'), ('box', '(3,4),(1,2)'), ('path', '[(0,0),(1,1)]'), ('circle', '<(1,2),3>'),
  ('tsvector', '''fat'':2,4 ''cat'':3'), ('tsquery', '''fat'' & !''rat'''), ('pg_lsn', '16/B374D848'), ('oid', '4294967295');
insert into samples (type, literal) values ('public.rt_pair', null);

-- One column a type, one row a value.
create function pg_temp.col(type text) returns text language sql as $$ select 'v_' || left(md5(type), 8) $$;
do $$
declare
  s record;
begin
  execute (
    select 'create table public.rt_values (id text primary key, user_id uuid not null default auth.uid(), note text, '
      || string_agg(format('%I %s', pg_temp.col(c.type), c.type), ', ') || ')'
    from (select distinct type from samples) c
  );
  perform pg_temp.add_own_table('public.rt_values');
  for s in select * from samples loop
    execute format('insert into public.rt_values (id, user_id, %I) values (%L, %L, %L::%s)', pg_temp.col(s.type), s.n, pg_temp.user_id('a'), s.literal, s.type);
  end loop;
end
$$;
create temp table originals as select * from public.rt_values;

-- Pulled and pushed back under another id, as one device that wants exact numbers and one that does not.
create function pg_temp.answers_to(mutations json, options json default '{}') returns table (id text, answer jsonb) language sql as $$
  select m.mutation ->> 'id', r.result
  from json_array_elements(mutations) with ordinality m (mutation, n)
  join jsonb_array_elements(pg_temp.push(mutations, options)) with ordinality r (result, n) using (n)
$$;
create temp table answers (way text, id text, answer jsonb);
insert into answers
select 'put', p.* from pg_temp.answers_to((
  select json_agg(json_build_object('seq', nextval('pg_temp.mutation_seq'), 'table', 'rt_values', 'op', 'put', 'id', 'plain ' || (o ->> 'id'),
    'data', (o - '{id,user_id,version,updated_at,deleted_at}'::text[]))) from jsonb_array_elements(pg_temp.download('rt_values')) o
)) p;
insert into answers
select 'exact put', p.* from pg_temp.answers_to((
  select json_agg(json_build_object('seq', nextval('pg_temp.mutation_seq'), 'table', 'rt_values', 'op', 'put', 'id', 'exact ' || (o ->> 'id'),
    'data', (o - '{id,user_id,version,updated_at,deleted_at}'::text[]))) from jsonb_array_elements(pg_temp.download('rt_values', options => '{"exact": true}')) o where o ->> 'id' not like 'plain %'
), '{"exact": true}') p;
-- An edit of another column, then one that is merged with it, sending the value along unchanged.
insert into answers
select 'patch', p.* from pg_temp.answers_to((
  select json_agg(json_build_object('seq', nextval('pg_temp.mutation_seq'), 'table', 'rt_values', 'op', 'patch', 'id', s.n::text, 'base', 1, 'data', '{"note": "edited"}'::json)) from samples s
)) p;
update public.rt_values set note = 'by sql' where id in (select n::text from samples);
insert into answers
select 'merge', p.* from pg_temp.answers_to((
  select json_agg(json_build_object('seq', nextval('pg_temp.mutation_seq'), 'table', 'rt_values', 'op', 'patch', 'id', o ->> 'id', 'base', 2,
    'data', (o - '{id,user_id,version,updated_at,deleted_at}'::text[]) || '{"note": "merged"}', 'old', '{"note": "edited"}'::json))
  from jsonb_array_elements(pg_temp.download('rt_values')) o where o ->> 'id' in (select n::text from samples)
)) p;

-- What differs from the original, in any column; and what the push said where it was not taken as it is.
create function pg_temp.damage(way text, prefix text, sample samples) returns text
language plpgsql
as $$
declare
  same boolean;
  now_it_is text;
begin
  execute format(
    'select row(%1$s)::record operator(pg_catalog.*=) row(%2$s)::record, t.%3$I::text from public.rt_values t, originals o where t.id = $1 and o.id = $2',
    (select string_agg(format('t.%I', pg_temp.col(c.type)), ', ') from (select distinct s.type from samples s) c),
    (select string_agg(format('o.%I', pg_temp.col(c.type)), ', ') from (select distinct s.type from samples s) c), pg_temp.col(sample.type)
  ) into same, now_it_is using prefix || sample.n, sample.n::text;
  return coalesce(
    (select a.answer ->> 'error' from answers a where a.way = damage.way and a.id = prefix || sample.n),
    case when same then 'none' else 'stored as ' || coalesce(now_it_is, 'null') end, 'no row');
end
$$;

select is(pg_temp.damage('put', 'plain ', s), 'none', format('%s %s comes and goes', s.type, coalesce(to_json(regexp_replace(s.literal, '[^ -~]', '?', 'g'))::text, 'null'))) from samples s;
select is(pg_temp.damage('exact put', 'exact ', s), 'none', format('%s %s comes and goes exactly', s.type, coalesce(to_json(regexp_replace(s.literal, '[^ -~]', '?', 'g'))::text, 'null'))) from samples s;
select is(pg_temp.damage('merge', '', s), 'none', format('%s %s survives edits and merges', s.type, coalesce(to_json(regexp_replace(s.literal, '[^ -~]', '?', 'g'))::text, 'null'))) from samples s;
select is((select count(*) from answers where answer ? 'lost'), 0::bigint, 'no value counts as overruled by itself');

select * from finish();
rollback;
