import {
  createBuilder,
  createSchema,
  defineMutator,
  defineMutators,
  defineQueries,
  defineQuery,
  relationships,
  string,
  table,
} from '@rocicorp/zero'

const anything = { '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value }) } }

/** What Zero is told of the tables of `npm run bench -- failures`, which each run names anew. */
export function describeNotes(names) {
  const notes = table('notes')
    .from(names.notes)
    .columns({ id: string(), list_id: string(), title: string() })
    .primaryKey('id')
  const members = table('members')
    .from(names.members)
    .columns({ list_id: string(), user_id: string() })
    .primaryKey('list_id', 'user_id')
  const schema = createSchema({
    tables: [notes, members],
    relationships: [
      relationships(notes, ({ many }) => ({
        members: many({ sourceField: ['list_id'], destField: ['list_id'], destSchema: members }),
      })),
    ],
  })
  const zql = createBuilder(schema)

  /** What the policy says for the others. */
  const ofMembers = (query, { userID }) =>
    query.whereExists('members', (member) => member.where('user_id', userID))

  async function check(tx, list, { userID }) {
    if (tx.location !== 'server') return
    const member = zql.members.where('list_id', list).where('user_id', userID).one()
    if (!(await tx.run(member))) throw new Error('not your list')
  }

  const queries = defineQueries({ notes: defineQuery(({ ctx }) => ofMembers(zql.notes, ctx)) })

  const mutators = defineMutators({
    insert: defineMutator(anything, async ({ tx, args, ctx }) => {
      await check(tx, args.list_id, ctx)
      await tx.mutate.notes.insert(args)
    }),
    rename: defineMutator(anything, async ({ tx, args: { id, title }, ctx }) => {
      const note = await tx.run(zql.notes.where('id', id).one())
      if (!note) return
      await check(tx, note.list_id, ctx)
      await tx.mutate.notes.update({ id, title })
    }),
  })

  return { schema, queries, mutators }
}
