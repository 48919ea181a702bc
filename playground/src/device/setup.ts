import { labelOf } from '../project.ts'
import { TABLES } from '../schema.ts'
import type { Device } from './device.ts'

/** Gives a new account something to look at, once. */
export async function furnish({ sync, userId, housing }: Device): Promise<void> {
  const { person, project } = housing
  const place = `tidemark-playground-${labelOf(project)}-${person.name}-furnished`
  if (localStorage.getItem(place)) return
  await sync.sync()
  localStorage.setItem(place, 'yes')
  if ((await sync.table(TABLES.trips).list()).length > 0) return
  await sync.table(TABLES.contacts).insertMany([
    { name: 'Grace Hopper', phone: '+1 202 555 0101', tags: ['navy'], notes: '', visits: 3 },
    { name: 'Alan Turing', phone: '+44 20 7946 0018', tags: ['maths'], notes: '', visits: 1 },
    { name: 'Hedy Lamarr', phone: null, tags: ['radio', 'film'], notes: '', visits: 0 },
  ])
  // Its id is the owner's, so that two devices that furnish at once make one trip.
  const trip = {
    id: userId,
    name: 'Weekend in the hills',
    owner_id: userId,
    owner_name: person.name,
  }
  await sync.table(TABLES.trips).insert(trip)
  // The owner becomes a member on the server; only then there is a trip to pack for.
  await sync.sync()
  await sync.table(TABLES.packing).insertMany(
    [
      { name: 'Tent', quantity: 1 },
      { name: 'Head torch', quantity: 2 },
      { name: 'Map', quantity: 1 },
    ].map((item) => ({ ...item, trip_id: userId, packed: false })),
  )
  await sync.sync()
}
