/** What the tests use of the package, whose own types need those of Node. */
interface Sql {
  (strings: TemplateStringsArray, ...values: unknown[]): Promise<Record<string, unknown>[]>
  unsafe(text: string): Promise<Record<string, unknown>[]>
  end(): Promise<void>
}
export default function postgres(url: string, options?: Record<string, unknown>): Sql
