import { useState } from 'react'
import type { Device } from '../device/device.ts'
import type { Note } from '../device/story.ts'
import { type Waiting, waitingOf } from '../device/waiting.ts'
import { type Item, type Member, TABLES, type Trip } from '../schema.ts'
import { Check } from '../ui/Check.tsx'
import { Field } from '../ui/Field.tsx'
import { useRows } from '../use.ts'
import { RowState } from './RowState.tsx'

/** Somebody who can be invited. */
export interface Guest {
  name: string
  userId: string
}

/** The trips that this device's user belongs to, with what is packed and who belongs to them. */
export function Packing({
  device,
  waiting,
  notes,
  guest,
}: {
  device: Device
  waiting: Waiting
  notes: readonly Note[]
  guest: Guest | undefined
}) {
  const trips = useRows<Trip>(device.sync, TABLES.trips, 'name')
  const members = useRows<Member>(device.sync, TABLES.members, 'name')
  const items = useRows<Item>(device.sync, TABLES.packing, 'name')
  return (
    <section className="list">
      <h3>
        Packing lists <small>{trips.length}</small>
      </h3>
      {trips.length === 0 && <p className="quiet">No trip is shared with this user.</p>}
      {trips.map((trip) => (
        <OneTrip
          key={trip.id}
          trip={trip}
          members={members.filter(({ trip_id }) => trip_id === trip.id)}
          items={items.filter(({ trip_id }) => trip_id === trip.id)}
          {...{ device, waiting, notes, guest }}
        />
      ))}
    </section>
  )
}

function OneTrip({
  trip,
  members,
  items,
  device: { sync, userId },
  waiting,
  notes,
  guest,
}: {
  trip: Trip
  members: readonly Member[]
  items: readonly Item[]
  device: Device
  waiting: Waiting
  notes: readonly Note[]
  guest: Guest | undefined
}) {
  const [name, setName] = useState('')
  const packing = sync.table(TABLES.packing)
  const people = sync.table(TABLES.members)
  const mine = trip.owner_id === userId
  const invited = members.find(({ user_id }) => user_id === guest?.userId)

  async function add(): Promise<void> {
    if (name.trim() === '') return
    await packing.insert({ trip_id: trip.id, name: name.trim(), quantity: 1, packed: false })
    setName('')
  }

  return (
    <article className="card" aria-label={trip.name}>
      <h4>{trip.name}</h4>
      <ul>
        {items.map((item) => {
          const { state, columns } = waitingOf(waiting, TABLES.packing, item.id)
          const update = (patch: Partial<Item>): Promise<unknown> => packing.update(item.id, patch)
          return (
            <li className="row" key={item.id} data-state={state}>
              <Check
                label={`${item.name} is packed`}
                checked={item.packed}
                onChange={(packed) => update({ packed })}
              />
              <Field
                label="item"
                value={item.name}
                waiting={columns.has('name')}
                onSave={(value) => update({ name: value })}
              />
              <span className="stepper" data-waiting={columns.has('quantity') || undefined}>
                <button
                  type="button"
                  aria-label={`One ${item.name} less`}
                  onClick={() => void update({ quantity: item.quantity - 1 })}
                >
                  −
                </button>
                <output aria-label={`How many: ${item.name}`}>{item.quantity}</output>
                <button
                  type="button"
                  aria-label={`One ${item.name} more`}
                  onClick={() => void update({ quantity: item.quantity + 1 })}
                >
                  +
                </button>
              </span>
              <RowState state={state} notes={notes} table={TABLES.packing} id={item.id} />
              <button
                type="button"
                aria-label={`Remove ${item.name}`}
                onClick={() => void packing.remove(item.id)}
              >
                ✕
              </button>
            </li>
          )
        })}
      </ul>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault()
          void add()
        }}
      >
        <input
          className="field"
          aria-label="New item"
          placeholder="New item"
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <button type="submit">Add</button>
      </form>
      <p className="row">
        <span className="quiet">
          With{' '}
          {members.length === 0 ? 'nobody yet' : members.map((member) => member.name).join(', ')}
        </span>
        {mine && guest && !invited && (
          <button
            type="button"
            onClick={() =>
              void people.insert({ trip_id: trip.id, user_id: guest.userId, name: guest.name })
            }
          >
            Invite {guest.name}
          </button>
        )}
        {mine && guest && invited && (
          <button type="button" onClick={() => void people.remove(invited.id)}>
            Remove {guest.name}
          </button>
        )}
      </p>
    </article>
  )
}
