import {
  boolean,
  createBuilder,
  createSchema,
  defineMutator,
  defineMutators,
  defineQueries,
  defineQuery,
  json,
  number,
  string,
  table,
} from '@rocicorp/zero'

/** The bench's table as Zero is told of it; times are milliseconds there. */
export const schema = createSchema({
  tables: [
    table('zero')
      .columns({
        id: string(),
        user_id: string(),
        name: string(),
        email: string().optional(),
        phone: string().optional(),
        notes: string().optional(),
        tags: json(),
        address: json(),
        favourite: boolean(),
        balance: number(),
        met_at: number(),
      })
      .primaryKey('id'),
  ],
  relationships: [],
})

const anything = { '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value }) } }

/** Each user's own rows: what the policy says for the others. */
export const queries = defineQueries({
  contacts: defineQuery(({ ctx }) => createBuilder(schema).zero.where('user_id', ctx.userID)),
})

export const mutators = defineMutators({
  insert: defineMutator(anything, async ({ tx, args, ctx }) => {
    if (args.user_id !== ctx.userID) throw new Error('not your row')
    await tx.mutate.zero.insert(args)
  }),
})
