/** One of several by a select; `labels` says what each is called. */
export function Choice<Value extends string>({
  label,
  value,
  labels,
  onChange,
}: {
  label: string
  value: Value
  labels: Record<Value, string>
  onChange: (value: Value) => void
}) {
  return (
    <label className="choice">
      <span>{label}</span>
      <select value={value} onChange={({ target }) => onChange(target.value as Value)}>
        {Object.entries<string>(labels).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}
