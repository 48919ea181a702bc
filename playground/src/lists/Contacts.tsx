import { useState } from 'react'
import type { Device } from '../device/device.ts'
import type { Note } from '../device/story.ts'
import { type Waiting, waitingOf } from '../device/waiting.ts'
import { type Contact, TABLES } from '../schema.ts'
import { Field } from '../ui/Field.tsx'
import { Window } from '../ui/Window.tsx'
import { useRows } from '../use.ts'
import { RowState } from './RowState.tsx'

const tagsOf = (text: string): string[] => [
  ...new Set(
    text
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
  ),
]

const MANY = 10_000

/** A user's contacts on one device, edited in place. */
export function Contacts({
  device: { sync },
  waiting,
  notes,
}: {
  device: Device
  waiting: Waiting
  notes: readonly Note[]
}) {
  const contacts = useRows<Contact>(sync, TABLES.contacts, 'name')
  const table = sync.table(TABLES.contacts)
  const [name, setName] = useState('')

  async function add(): Promise<void> {
    if (name.trim() === '') return
    await table.insert({ name: name.trim(), phone: null, tags: [], notes: '', visits: 0 })
    setName('')
  }

  async function addMany(): Promise<void> {
    await table.insertMany(
      Array.from({ length: MANY }, (_, n) => ({
        name: `Somebody ${String(n + 1).padStart(5, '0')}`,
        phone: null,
        tags: ['many'],
        notes: '',
        visits: 0,
      })),
    )
  }

  function card(contact: Contact) {
    const { id } = contact
    const { state, columns } = waitingOf(waiting, TABLES.contacts, id)
    const update = (patch: Partial<Contact>): Promise<unknown> => table.update(id, patch)
    const field = (column: 'name' | 'phone' | 'notes') => (
      <Field
        label={column}
        className={`${column}-field`}
        value={contact[column] ?? ''}
        waiting={columns.has(column)}
        onSave={(value) => update({ [column]: value === '' && column === 'phone' ? null : value })}
      />
    )
    return (
      <article className="card" aria-label={contact.name} data-state={state}>
        <div className="row">
          {field('name')}
          <RowState state={state} notes={notes} table={TABLES.contacts} id={id} />
          <button
            type="button"
            aria-label={`Remove ${contact.name}`}
            onClick={() => void table.remove(id)}
          >
            ✕
          </button>
        </div>
        <div className="row">
          {field('phone')}
          <span className="stepper" data-waiting={columns.has('visits') || undefined}>
            <button
              type="button"
              aria-label="One visit less"
              onClick={() => void update({ visits: contact.visits - 1 })}
            >
              −
            </button>
            <output aria-label="visits">{contact.visits}</output>
            <button
              type="button"
              aria-label="One visit more"
              onClick={() => void update({ visits: contact.visits + 1 })}
            >
              +
            </button>
          </span>
        </div>
        <div className="row">
          <Field
            label="tags"
            placeholder="tags, with commas"
            value={contact.tags.join(', ')}
            waiting={columns.has('tags')}
            onSave={(value) => update({ tags: tagsOf(value) })}
          />
          {field('notes')}
        </div>
      </article>
    )
  }

  return (
    <section className="list">
      <h3>
        Contacts <small>{contacts.length.toLocaleString('en')}</small>
      </h3>
      <Window label="Contacts" rows={contacts} rowHeight={132} height={460} render={card} />
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault()
          void add()
        }}
      >
        <input
          className="field"
          aria-label="New contact"
          placeholder="New contact"
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <button type="submit">Add</button>
        <button type="button" onClick={() => void addMany()}>
          Add 10,000
        </button>
      </form>
    </section>
  )
}
