/** What the oracle finds wrong. */
export class Violation extends Error {}
