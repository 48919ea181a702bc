import { cancel, confirm, isCancel, select, text } from '@clack/prompts'
import { CliError } from './errors.ts'

/** Whether somebody is there to answer. */
export const canAsk = (): boolean => Boolean(process.stdin.isTTY && process.stdout.isTTY)

export async function askWhether(message: string, initialValue: boolean): Promise<boolean> {
  return answered(await confirm({ message, initialValue }))
}

export async function askText(message: string, placeholder: string): Promise<string> {
  return answered(await text({ message, placeholder, defaultValue: placeholder }))
}

export async function askWhich(
  message: string,
  options: { value: string; label?: string; hint?: string }[],
): Promise<string> {
  return answered(
    await select({ message, options: options.map((o) => ({ label: o.value, ...o })) }),
  )
}

function answered<T>(answer: T): Exclude<T, symbol> {
  if (isCancel(answer)) {
    cancel('Stopped')
    throw new CliError('stopped', 'nothing was changed', 130)
  }
  return answer as Exclude<T, symbol>
}
