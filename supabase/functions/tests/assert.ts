// @ts-types="./assert.d.ts"
export { assertEquals, assertMatch, assertRejects } from '@std/assert'
