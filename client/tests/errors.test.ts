import { describe, expect, it } from 'vitest'
import { defaultBackoff, retry, backoffDelay } from '../src/transport/backoff.ts'
import {
  classify,
  errorFromStatus,
  NetworkError,
  StorageError,
  SyncError,
} from '../src/model/errors.ts'
import { handClock, settled } from './support/time.ts'

describe('an error has a kind, and the kind says whether to try again', () => {
  it.each([
    [0, 'NetworkError', true],
    [200, 'NetworkError', true],
    [400, 'ValidationError', false],
    [401, 'AuthError', false],
    [403, 'AuthError', false],
    [404, 'PermanentError', false],
    [408, 'NetworkError', true],
    [409, 'ConflictError', false],
    [413, 'ValidationError', false],
    [426, 'PermanentError', false],
    [429, 'NetworkError', true],
    [500, 'NetworkError', true],
    [503, 'NetworkError', true],
  ])('HTTP %i is a %s (retryable: %s)', (status, name, retryable) => {
    const error = errorFromStatus(status, { code: 'c', message: 'm' })
    expect(error).toMatchObject({ name, retryable, code: 'c', message: 'm', status })
    expect(error).toBeInstanceOf(SyncError)
  })

  it('a statement that took the database too long is not tried again as it is', () => {
    const error = errorFromStatus(500, { code: '57014', message: 'canceling statement' })
    expect(error).toMatchObject({ code: 'statement_timeout', retryable: false })
  })

  it.each([
    [new TypeError('fetch failed'), 'NetworkError', 'network'],
    [new TypeError('Failed to fetch'), 'NetworkError', 'network'],
    [new TypeError('Load failed'), 'NetworkError', 'network'],
    [new TypeError('NetworkError when attempting to fetch resource.'), 'NetworkError', 'network'],
    [new DOMException('late', 'TimeoutError'), 'NetworkError', 'timeout'],
    [new DOMException('stop', 'AbortError'), 'UnknownError', 'aborted'],
    [new TypeError('x is not a function'), 'UnknownError', 'unknown'],
    ['text', 'UnknownError', 'unknown'],
    [undefined, 'UnknownError', 'unknown'],
  ])('%s is a %s', (thrown, name, code) => {
    expect(classify(thrown)).toMatchObject({ name, code })
  })

  it('one that has a kind already keeps it', () => {
    const error = new StorageError({ code: 'quota', message: 'full' })
    expect(classify(error)).toBe(error)
  })
})

describe('trying again', () => {
  it('waits 1 s, twice as long each time, 30 s at most, give or take a tenth', () => {
    const exact = [1, 2, 3, 4, 5, 6, 7].map((n) => backoffDelay(n, defaultBackoff, 0.5))
    expect(exact).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    expect(backoffDelay(1, defaultBackoff, 0)).toBe(900)
    expect(backoffDelay(1, defaultBackoff, 0.999)).toBe(1100)
    expect(backoffDelay(9, defaultBackoff, 0.999)).toBe(30_000)
  })

  const failing = (...errors: Error[]) => {
    const tries: number[] = []
    const time = handClock()
    const work = async () => {
      tries.push(time.clock.now())
      const error = errors[tries.length - 1]
      if (error) throw error
      return 'done'
    }
    const signal = new AbortController()
    const backoff = { ...defaultBackoff, jitter: 0 }
    const result = retry(work, backoff, time.clock, signal.signal).catch((error: unknown) => error)
    return { result, tries, pass: time.pass, abort: () => signal.abort() }
  }
  const network = (retryAfter?: number) =>
    new NetworkError({ code: 'network', message: '', retryAfter })

  it('ends with the first success', async () => {
    const { result, tries, pass } = failing(network(), new TypeError('fetch failed'))
    await settled()
    await pass(60_000)
    expect(await result).toBe('done')
    expect(tries).toEqual([0, 1000, 3000])
  })

  it('ends after five retries, with the last error', async () => {
    const errors = Array.from({ length: 9 }, () => network())
    const { result, tries, pass } = failing(...errors)
    await settled()
    await pass(600_000)
    expect(await result).toBe(errors[5])
    expect(tries).toEqual([0, 1000, 3000, 7000, 15_000, 31_000])
  })

  it('does not begin where it cannot help', async () => {
    const { result, tries } = failing(new StorageError({ code: 'quota', message: '' }))
    expect(await result).toMatchObject({ code: 'quota' })
    expect(tries).toEqual([0])
  })

  it('keeps to the time the server asks for', async () => {
    const { result, tries, pass } = failing(network(7_000))
    await settled()
    await pass(60_000)
    expect(await result).toBe('done')
    expect(tries).toEqual([0, 7_000])
  })

  it('ends at once when it is called off', async () => {
    const { result, tries, abort } = failing(network(), network())
    await settled()
    abort()
    expect(await result).toBeInstanceOf(NetworkError)
    expect(tries).toEqual([0])
  })
})
