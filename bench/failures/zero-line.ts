import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { WebSocket, WebSocketServer } from 'ws'
import { expired, type Network } from './network.ts'

/**
 * The network of a device as far as Zero uses it: its WebSocket to zero-cache, which breaks, and the requests
 * of zero-cache to the app server, whose token has run out or which are answered with 500.
 */
export class ZeroLine {
  /** Whose faults these are: scenarios are played one after the other. */
  network: Network | undefined
  readonly #servers: { close(): void }[] = []
  readonly #open = new Set<() => void>()

  /** @returns where devices find zero-cache */
  async toCache(cacheURL: string): Promise<string> {
    const server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      handleProtocols: ([first]) => first!,
    })
    server.on('connection', (device, { url }) => {
      const cache = new WebSocket(`${cacheURL.replace('http', 'ws')}${url}`, device.protocol)
      this.#join(device, cache)
    })
    await once(server, 'listening')
    this.#servers.push(server)
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** @returns where zero-cache finds the app server that listens at a port */
  async toApp(port: number): Promise<string> {
    const server = createServer((request, response) => void this.#forward(port, request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#servers.push(server)
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Breaks what is open, as the end of a page or of the network does. */
  cut(): void {
    for (const end of this.#open) end()
  }

  close(): void {
    this.cut()
    for (const server of this.#servers) server.close()
  }

  #join(device: WebSocket, cache: WebSocket): void {
    const end = (): void => {
      this.#open.delete(end)
      device.terminate()
      cache.terminate()
    }
    this.#open.add(end)
    for (const side of [device, cache]) side.on('close', end).on('error', end)
    if (this.network?.fault === 'offline') return end()
    const early: string[] = []
    let lost = false
    device.on('message', (data) => {
      const message = String(data)
      lost ||= this.network?.fault === 'answer lost' && message.startsWith('["push"')
      if (cache.readyState === WebSocket.OPEN) cache.send(message)
      else early.push(message)
    })
    cache.on('open', () => {
      for (const message of early.splice(0)) cache.send(message)
    })
    cache.on('message', (data) => {
      const message = String(data)
      if (!lost) device.send(message)
      // It says so as soon as the write is in the database.
      else if (/^\["push|"lastMutationIDChanges"/.test(message)) this.network!.fault = 'offline'
    })
  }

  async #forward(port: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { network } = this
    const { url = '', method = 'GET' } = request
    let { authorization = '' } = request.headers
    const body = await text(request)
    if (network?.fault === 'expired token') authorization = await expired(authorization)
    const answer =
      network?.fault === 'error 500'
        ? Response.json({ message: 'Internal Server Error' }, { status: 500 })
        : await fetch(`http://127.0.0.1:${port}${url}`, {
            method,
            body,
            headers: { 'content-type': 'application/json', authorization },
          })
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(await answer.text())
  }
}
