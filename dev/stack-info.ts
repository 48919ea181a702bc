/** What stack.json holds: all that a client needs. */
export interface StackInfo {
  api_url: string
  functions_url: string
  db_url: string
  publishable_key: string
  secret_key: string
}

/** What private.json holds beside it, for tests. */
export interface StackSecrets {
  admin_db_url: string
  jwt_secret: string
}
