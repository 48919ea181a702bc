import { type ReactNode, type UIEvent, useState } from 'react'

/** Up to so many rows are simply shown; of more only those in sight, all of one height. */
const FEW = 60
const BEYOND = 6

/** A list that scrolls by itself, however long it is. */
export function Window<Row extends { id: string }>({
  label,
  rows,
  rowHeight,
  height,
  render,
}: {
  label: string
  rows: readonly Row[]
  /** Pixels. */
  rowHeight: number
  height: number
  render: (row: Row) => ReactNode
}) {
  const [top, setTop] = useState(0)
  const many = rows.length > FEW
  const first = many ? Math.max(0, Math.floor(top / rowHeight) - BEYOND) : 0
  const last = many ? first + Math.ceil(height / rowHeight) + 2 * BEYOND : rows.length
  const shown = rows.slice(first, last)
  const space = (count: number) => ({ blockSize: Math.max(0, count) * rowHeight })
  const scrolled = ({ currentTarget }: UIEvent): void => setTop(currentTarget.scrollTop)
  return (
    // A list that scrolls must be reachable by the keyboard, rows or not.
    <div
      className="window"
      style={{ maxBlockSize: height }}
      onScroll={scrolled}
      tabIndex={0}
      role="group"
      aria-label={label}
    >
      {many && <div style={space(first)} />}
      <ul>
        {shown.map((row) => (
          <li key={row.id} style={many ? { blockSize: rowHeight, overflow: 'hidden' } : undefined}>
            {render(row)}
          </li>
        ))}
      </ul>
      {many && <div style={space(rows.length - last)} />}
    </div>
  )
}
