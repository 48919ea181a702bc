import { useState } from 'react'

/** A box that shows what was chosen at once, and is done when that is stored. */
export function Check({
  label,
  checked,
  onChange,
}: {
  label: string
  checked: boolean
  onChange: (checked: boolean) => Promise<unknown>
}) {
  const [draft, setDraft] = useState<boolean>()
  return (
    <input
      type="checkbox"
      aria-label={label}
      checked={draft ?? checked}
      onChange={({ target }) => {
        setDraft(target.checked)
        void onChange(target.checked).finally(() => setDraft(undefined))
      }}
    />
  )
}
