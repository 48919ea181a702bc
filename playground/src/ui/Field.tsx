import { useState } from 'react'

/** Text that is edited in place: saved by Enter or by leaving it, put back by Escape. */
export function Field({
  label,
  value,
  waiting = false,
  placeholder,
  className,
  onSave,
}: {
  label: string
  value: string
  /** It holds an edit that the server does not have. */
  waiting?: boolean
  placeholder?: string
  className?: string
  onSave: (value: string) => Promise<unknown>
}) {
  const [draft, setDraft] = useState<string>()
  const save = (): void => {
    if (draft === undefined || draft === value) return setDraft(undefined)
    void onSave(draft).finally(() => setDraft(undefined))
  }
  return (
    <input
      className={`field ${className ?? ''}`}
      aria-label={label}
      placeholder={placeholder ?? label}
      title={waiting ? `${label}: not on the server yet` : label}
      data-waiting={waiting || undefined}
      value={draft ?? value}
      onChange={({ target }) => setDraft(target.value)}
      onBlur={save}
      onKeyDown={({ key, currentTarget }) => {
        if (key === 'Enter') save()
        if (key !== 'Escape') return
        setDraft(undefined)
        currentTarget.select()
      }}
    />
  )
}
