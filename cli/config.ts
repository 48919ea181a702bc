import { FUNCTIONS } from './project.ts'

/**
 * `supabase/config.toml` with a section for each function that has none. What is there stays as it is,
 * comments and all.
 */
export function withFunctions(config: string): string {
  const missing = FUNCTIONS.filter(
    (name) => !new RegExp(`^\\s*\\[functions\\.(?:${name}|"${name}")\\]`, 'm').test(config),
  )
  if (missing.length === 0) return config
  const sections = missing.map(
    (name) =>
      `[functions.${name}]\nverify_jwt = true\nimport_map = "./functions/_tidemark/deno.json"\n`,
  )
  const comment = "# Tidemark: the functions check themselves that the token is a user's.\n"
  return `${config.trimEnd()}\n\n${comment}${sections.join('\n')}`
}
