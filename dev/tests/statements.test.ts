import { describe, expect, it } from 'vitest'
import { splitStatements } from '../statements.ts'

const texts = (sql: string) => splitStatements(sql).map(({ text }) => text)

describe('a migration is split where Postgres splits it', () => {
  it('at semicolons, without blank statements', () => {
    expect(texts('select 1;\n\n;select 2')).toEqual(['select 1', 'select 2'])
  })

  it('not in strings, quoted names, comments and dollar quotes', () => {
    const whole = [
      `select 'a;b''c;'`,
      `select e'it\\'s;'`,
      `select ";"";"`,
      'select 1 /* ; /* nested ; */ ; */ + 1',
      'do $$ begin perform 1; end $$',
      'do $a$ select $$;$$; $a$',
      'select 1 -- no; end',
    ]
    for (const sql of whole) expect(texts(`${sql}\n;`)).toEqual([sql])
  })

  it('not in brackets and bodies of standard SQL', () => {
    const rule = 'create rule r as on insert to t do also (select 1; select 2)'
    const body =
      'create function f() returns int begin atomic select case when true then 1 end; select 2; end'
    expect(texts(`${rule}; ${body}; select 3`)).toEqual([rule, body, 'select 3'])
  })

  it('takes $1 for a parameter and a$b$ for a name', () => {
    expect(texts('prepare p as select $1; select a$b$; select 2')).toHaveLength(3)
  })

  it('names the line where a statement starts, after its comments', () => {
    expect(splitStatements('-- why\nselect 1;\n/* and\n*/\n\n  select 2;\n-- end')).toEqual([
      { text: 'select 1', line: 2 },
      { text: 'select 2', line: 6 },
    ])
  })
})
