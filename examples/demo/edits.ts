import type { Device } from './device.ts'

/** What Ada does on her laptop, first. Each group of lines meets one on the phone. */
export async function editOnLaptop({ sync }: Device): Promise<void> {
  const { countries, cities, byCode } = tablesOf(sync)
  const europe = await countries.list({ region: 'Europe' })
  for (const { id } of europe) await countries.update(id, { visited: true })

  await countries.update(await byCode('JPN'), { note: 'see the cherry blossom', stars: 4 })
  await countries.remove(await byCode('PER'))
  await countries.update(await byCode('ISL'), { note: 'bathe in the hot springs' })
  await countries.remove(await byCode('BVT'))

  await countries.insert({ ...microstate, code: 'XLD', name: 'Ladonia' })
  await countries.insert({ ...microstate, code: 'XSL', name: 'Sealand', note: 'by boat' })

  await countries.update(await byCode('TCD'), { stars: 9 })
  const [largest] = await cities.list(
    {},
    { order: { column: 'population', ascending: false }, limit: 1 },
  )
  await cities.update(largest!.id, { population: 1 })
}

/** What she does on her phone, later. */
export async function editOnPhone({ sync }: Device): Promise<void> {
  const { countries, byCode } = tablesOf(sync)
  const landlocked = await countries.list({ landlocked: true })
  for (const { id } of landlocked) await countries.update(id, { note: 'no sea' })

  await countries.update(await byCode('JPN'), { note: 'see the autumn leaves' })
  await countries.update(await byCode('PER'), { note: 'walk to Machu Picchu' })
  await countries.remove(await byCode('ISL'))
  await countries.remove(await byCode('BVT'))

  await countries.insert({ ...microstate, code: 'XFC', name: 'Christiania' })
  await countries.insert({ ...microstate, code: 'XSL', name: 'Sealand', note: 'by helicopter' })
}

const microstate = { capital: null, region: 'Europe', area: 0.5, landlocked: false, languages: {} }

function tablesOf(sync: Device['sync']) {
  const countries = sync.table('countries')
  const byCode = async (code: string): Promise<string> => (await countries.list({ code }))[0]!.id
  return { countries, cities: sync.table('cities'), byCode }
}
