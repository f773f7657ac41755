/**
 * One connection to a Valkey or Redis that may be trusted to remember: it throws nothing away to make room, and has the
 * memory that it had when we came. Nothing is queued for later and nothing is asked twice.
 */
import { randomBytes } from 'node:crypto'
import { Cluster, Redis } from 'ioredis'
import { hex } from '../bytes.ts'
import type { StoreState } from './store.ts'

export type ServerOptions = {
  readonly host: string
  readonly port: number
  /** The server speaks for a cluster. */
  readonly cluster?: boolean | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Who certifies the server (PEM; left out: the public roots), and what we show it. Without it: plaintext. */
  readonly tls?: ServerTls | undefined
  /** milliseconds for a connection, and for each answer */
  readonly timeout?: number
  /** told whenever it changes */
  readonly told?: ((state: StoreState) => void) | undefined
  /** holds a random word that says whether the memory is still the same one */
  readonly epochKey: string
}

export type ServerTls = {
  readonly ca?: Buffer | undefined
  readonly key?: Buffer | undefined
  readonly cert?: Buffer | undefined
}

export type Server = {
  script(text: string, keys: readonly string[], args: (epoch: string) => readonly string[]): Promise<unknown>
  someOf(set: string, most: number): Promise<readonly string[]>
  takeOut(set: string, members: readonly string[]): Promise<unknown>
  remove(keys: readonly string[]): Promise<unknown>
  /** From now on it is not asked any more, unless it comes back good. */
  unfit(why: StoreState): Error
  close(): Promise<void>
}

export function connectTo(options: ServerOptions): Server {
  const { epochKey, told = () => undefined, timeout = 1_000 } = options
  const client = clientFor(options)
  let state: StoreState = 'opening'
  let epoch: string | undefined
  const settled = Promise.withResolvers<undefined>()

  function become(next: StoreState): void {
    if (next !== state) told(next)
    state = next
    settled.resolve(undefined)
  }

  async function look(): Promise<void> {
    const here = await fitness(client, epochKey, epoch).catch((cause: unknown) => whyOf(cause))
    if (typeof here !== 'string') epoch = here.epoch
    become(typeof here === 'string' ? here : 'works')
  }

  const late = setTimeout(() => {
    if (state === 'opening') become('away')
  }, 2 * timeout).unref()

  client.on('ready', () => void look())
  client.on('error', (cause: unknown) => become(whyOf(cause)))
  client.on('close', () => {
    if (state === 'works') become('away')
  })

  /** Runs it if the server is fit; what fails on the way is an error and no more. */
  async function asked<T>(ask: (epoch: string) => Promise<T>): Promise<T> {
    if (state === 'opening') await settled.promise
    if (state === 'odd' || state === 'evicts') await look()
    if (state !== 'works' || epoch === undefined) throw failure(state)
    return ask(epoch)
  }

  return {
    script: (text, keys, args) => asked((now) => client.eval(text, keys.length, ...keys, ...args(now))),
    someOf: (set, most) => asked(() => client.srandmember(set, most)),
    takeOut: (set, members) => asked(() => client.srem(set, ...members)),
    remove: (keys) => asked(() => client.unlink(...keys)),
    unfit(why) {
      become(why)
      return failure(why)
    },
    close() {
      clearTimeout(late)
      client.disconnect()
      become('away')
      return Promise.resolve()
    },
  }
}

/** The word of its memory, or why it is not fit. Rejects with what went wrong on the way. */
async function fitness(
  client: Client,
  epochKey: string,
  known: string | undefined,
): Promise<StoreState | { readonly epoch: string }> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  const pages = await Promise.all(nodes.map((node) => node.info('memory')))
  const policies = pages.map((page) => /^maxmemory_policy:(\S+)\r?$/m.exec(page)?.[1])
  if (policies.length === 0 || policies.includes(undefined)) return 'odd'
  const bounded = pages.some((page) => !/^maxmemory:0\r?$/m.test(page))
  if (bounded && policies.some((policy) => policy !== 'noeviction')) return 'evicts'
  if (known === undefined) await client.set(epochKey, hex(randomBytes(16)), 'NX')
  const epoch = await client.get(epochKey)
  if (known !== undefined && epoch !== known) return 'forgot'
  return epoch !== null && /^[0-9a-f]{32}$/.test(epoch) ? { epoch } : 'odd'
}

type Client = Redis | Cluster

function clientFor({ host, port, cluster = false, username, password, tls, timeout = 1_000 }: ServerOptions): Client {
  const options = {
    ...{ username, password, protocol: 2 as const, disableClientInfo: true },
    tls: tls === undefined ? undefined : ({ ...tls, minVersion: 'TLSv1.2', rejectUnauthorized: true } as const),
    ...{ connectTimeout: timeout, commandTimeout: timeout, socketTimeout: 2 * timeout },
    // What was not answered is lost: asked again it would find its own claim, or be an answer to nobody.
    ...{ autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 },
  }
  if (!cluster) return new Redis({ host, port, ...options, enableOfflineQueue: false, retryStrategy: pause })
  return new Cluster([{ host, port }], {
    redisOptions: options,
    ...{ enableOfflineQueue: false, clusterRetryStrategy: pause, slotsRefreshTimeout: timeout },
    // Names stay names, or certificates could not be held against them.
    dnsLookup: (name, found) => found(null, name),
  })
}

function pause(times: number): number {
  return Math.min(2_000, 50 * 2 ** times)
}

function whyOf(cause: unknown): StoreState {
  const said = cause instanceof Error ? cause.message : ''
  return /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH)/.test(said) ? 'refused' : 'away'
}

function failure(state: StoreState): Error {
  return new Error(`the store is not fit: ${state}`)
}
