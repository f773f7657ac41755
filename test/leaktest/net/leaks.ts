/**
 * Loaded into an operator's process before its door (node --import leaks.ts?FILE): listens at that socket file for the name
 * of a leak, and from then on leaks as told with every request, until it hears another name. Without one it does nothing.
 * The product knows nothing of it; these are controls. privacy.md 2.2.
 */
import { subscribe } from 'node:diagnostics_channel'
import { createSocket } from 'node:dgram'
import { lookup, reverse } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { connect, createServer } from 'node:net'
import { pathToFileURL } from 'node:url'
import { elsewhere, elsewhere6, gatewayName, planOf, vendorName } from './plan.ts'

type Leak = (from: string) => void

const nobody = (): void => undefined

function datagram(text: string, port: number, to: string): void {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4')
  socket.on('error', () => socket.close())
  socket.send(text, port, to, () => socket.close())
}

/** `from`: who asked, as this process's own socket says. */
export const leaks: Readonly<Record<string, Leak>> = {
  'phones-home': () => void connect({ host: elsewhere, port: 443 }).on('error', nobody),
  'phones-home-6': (from) => datagram(from, 4318, elsewhere6),
  'tells-next': (from) => datagram(`asked by ${from}`, 514, planOf('b').farAddress),
  'tells-cvm': (from) => datagram(`asked by ${from}`, 514, planOf('d').farAddress),
  'looks-up-client': (from) => reverse(from, nobody),
  'looks-up-gateway': () => lookup(gatewayName, nobody),
  'looks-up-vendor': () => lookup(vendorName, nobody),
  'looks-up-target': nobody,
}

let active = ''

/** The one leak that is about what a request says inside: every origin that is looked for in a list is looked up. */
function listen(path: string): void {
  const has = Object.getOwnPropertyDescriptor(Set.prototype, 'has')?.value as (value: unknown) => boolean
  Set.prototype.has = function (value: unknown): boolean {
    if (active === 'looks-up-target' && typeof value === 'string' && value.startsWith('https://'))
      lookup(new URL(value).hostname, nobody)
    return has.call(this, value)
  }
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { readonly request: IncomingMessage }
    leaks[active]?.(request.socket.remoteAddress ?? '')
  })
  const server = createServer((socket) => {
    socket.on('error', nobody)
    socket.once('data', (name) => {
      active = name.toString()
      socket.end(active)
    })
  })
  server.on('error', nobody).listen(path).unref()
}

export function leakPreload(path: string): string {
  const module = pathToFileURL(import.meta.filename)
  module.search = encodeURIComponent(path)
  return module.href
}

/** Resolves when the process leaks as told; the empty name ends it. */
export async function tell(path: string, name: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ path }).once('error', reject)
    socket.end(name === '' ? 'nothing' : name)
    socket.resume().once('close', () => resolve())
  })
}

const { search } = new URL(import.meta.url)
if (search !== '') listen(decodeURIComponent(search.slice(1)))
