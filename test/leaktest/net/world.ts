/**
 * The namespaces and links of level 2, each with a watcher that is there before anybody else and keeps every packet. Runs
 * in a namespace of its own, that of the clients. privacy.md 2.1 (L2).
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { leftRunning, ran } from './commands.ts'
import { readPacket, type Packet } from './packet.ts'
import { readPcap } from './pcap.ts'
import { letGo, linkPlans, operators, pairNetwork, places, resolver, wayOut, type Anywhere } from './plan.ts'

export type World = {
  /** What to put before a command, so that it runs there. */
  readonly within: (place: Anywhere) => readonly string[]
  /** What was on any interface of that place until now, except what it told itself. */
  readonly packets: (place: Anywhere) => readonly Packet[]
  /** Ends the watchers, and gives how many packets they had to let go unseen. */
  stop(): Promise<number>
}

type Watcher = { readonly child: ChildProcess; readonly file: string; said: string }

/** Throws Error if the system does not let it. `folder` holds the captures. */
export async function createWorld(folder: string): Promise<World> {
  const watchers = new Map<Anywhere, Watcher>()
  const within = (place: Anywhere): readonly string[] =>
    place === 'client' ? [] : ['nsenter', `--net=/proc/${String(watchers.get(place)?.child.pid)}/ns/net`, '--']
  const stop = async (): Promise<number> => {
    const all = await Promise.all([...watchers.values()].map(ended))
    return all.reduce((sum, dropped) => sum + dropped, 0)
  }
  try {
    for (const place of places) watchers.set(place, await watch(place, join(folder, `${place}.pcap`)))
    const pid = (place: Anywhere): number => watchers.get(place)?.child.pid as number
    ran(['ip', '-batch', '-'], links(pid))
    for (const place of places) settle(place, within(place))
    resolvingBy(folder)
  } catch (error) {
    await stop()
    throw error
  }
  return { within, packets: (place) => packetsIn((watchers.get(place) as Watcher).file), stop }
}

/** Whoever watches is the first in a namespace, and makes it. */
async function watch(place: Anywhere, file: string): Promise<Watcher> {
  const own = place === 'client' ? [] : ['unshare', '--net', '--']
  const user = process.getuid?.() === 0 ? ['-Z', 'root'] : []
  const how = ['-i', 'any', '-n', '-U', '--immediate-mode', '-B', '32768', '--time-stamp-precision=nano', ...user]
  const child = await leftRunning([...own, 'tcpdump', ...how, '-w', file], /listening on/)
  const watcher: Watcher = { child, file, said: '' }
  child.stderr?.on('data', (part: Buffer) => (watcher.said += part.toString()))
  return watcher
}

async function ended({ child, said }: Watcher): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'close')
    // What is on its way to the watcher is still to be written.
    await sleep(50)
    child.kill('SIGINT')
    await gone
  }
  return Number(/(\d+) packets dropped by kernel/.exec(said)?.[1] ?? 0)
}

function packetsIn(file: string): Packet[] {
  return readPcap(readFileSync(file)).flatMap((frame) => readPacket(frame) ?? [])
}

function links(pid: (place: Anywhere) => number): string {
  const end = (name: string, place: Anywhere): string =>
    `name ${name}${place === 'client' ? '' : ` netns ${String(pid(place))}`}`
  const pairs = linkPlans.map(
    ({ name, near, far }) => `link add ${end(`${name}-near`, near)} type veth peer ${end(`${name}-far`, far)}\n`,
  )
  const out = operators.map(
    (place) => `link add ${end('out', place)} type veth peer ${end(`to-${place}`, 'outside')}\n`,
  )
  return [...pairs, ...out].join('')
}

type Interface = { readonly name: string; readonly addresses: readonly string[] }

function interfacesOf(place: Anywhere): Interface[] {
  const ends = linkPlans.flatMap(({ name, near, far, nearAddress, farAddress }): Interface[] => [
    ...(near === place ? [{ name: `${name}-near`, addresses: [`${nearAddress}/30`] }] : []),
    ...(far === place ? [{ name: `${name}-far`, addresses: [`${farAddress}/30`] }] : []),
  ])
  const out = operators.flatMap((operator): Interface[] => {
    const { near, far, near6, far6 } = wayOut(operator)
    if (place === 'outside') return [{ name: `to-${operator}`, addresses: [`${far}/30`, `${far6}/64`] }]
    return place === operator ? [{ name: 'out', addresses: [`${near}/30`, `${near6}/64`] }] : []
  })
  return [...ends, ...out]
}

/** Addresses of 127/8 stay on their host unless they are let out of it; only the client keeps the others for itself. */
function settle(place: Anywhere, within: readonly string[]): void {
  const interfaces = interfacesOf(place)
  const own =
    place === 'client'
      ? [`route add throw ${letGo} table local`]
      : ['addr del 127.0.0.1/8 dev lo', 'addr add 127.0.0.1/32 dev lo']
  const up = interfaces.flatMap(({ name, addresses }) => [
    ...addresses.map((address) => `addr add ${address} dev ${name}${address.includes('::') ? ' nodad' : ''}`),
    `link set ${name} up`,
  ])
  const letOut = interfaces.map(({ name }) => `echo 1 > /proc/sys/net/ipv4/conf/${name}/route_localnet`)
  ran([...within, 'sh', '-ec', letOut.join('\n')])
  ran([...within, 'ip', '-batch', '-'], `${['link set lo up', ...own, ...up, ...routesOf(place)].join('\n')}\n`)
}

function routesOf(place: Anywhere): string[] {
  // Who is outside is everybody: nobody is at home at any address, and says so.
  if (place === 'outside')
    return ['route add local 0.0.0.0/0 dev lo table main', 'route add local ::/0 dev lo table main']
  const { near, far, far6 } = wayOut(place)
  const out = [
    `route add default via ${far} src ${near}`,
    `route add ${pairNetwork} via ${far} src ${near}`,
    `route add default via ${far6}`,
  ]
  const [a] = linkPlans
  return place === 'relay' ? [...out, `route add 127.0.0.0/8 via ${a?.nearAddress ?? ''}`] : out
}

/** The same file for all: who asks is told by where the question comes from. */
function resolvingBy(folder: string): void {
  const file = join(folder, 'resolv.conf')
  writeFileSync(file, `nameserver ${resolver.address}\noptions timeout:1 attempts:1\n`)
  ran(['mount', '--bind', file, '/etc/resolv.conf'])
}
