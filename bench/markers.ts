/**
 * A page with what a subject found in the place of what the run before found: between the comments that
 * say so, which may stand within a sentence. Throws where they are missing.
 *
 * @param file as the error calls it
 */
export function withResult(file: string, page: string, subject: string, content: string): string {
  const begin = `<!-- result of npm run bench -- ${subject}: begin -->`
  const end = `<!-- result of npm run bench -- ${subject}: end -->`
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${file} has lost the markers of ${subject}`)
  return page.slice(0, from + begin.length) + content + page.slice(to)
}
