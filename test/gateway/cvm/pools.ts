/** Pools of attested connections to simulated machines, cleaned up after each test. */
import { afterEach, expect } from 'vitest'
import type { Field } from '../../../shared/http/fields.ts'
import { concat, fromUtf8 } from '../../../shared/bytes.ts'
import type { CvmRequest } from '../../../gateway/attested-cvm.ts'
import { CvmFailure } from '../../../gateway/cvm-failure.ts'
import {
  createCvmPool,
  type CvmPool,
  type CvmPoolEvent,
  type CvmPoolOptions,
  type Lease,
} from '../../../gateway/target.ts'
import { type Handler, type Machine, type MachineOptions, startMachine, until } from './machine.ts'
import { answerWith, evidenceFor, type Peer, startPeer } from './peers.ts'

/** What a test started and must not leave behind; ended last first. */
export const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export async function machineWith(options: MachineOptions = {}): Promise<Machine> {
  const machine = await startMachine(options)
  cleanups.push(() => machine.stop())
  return machine
}

export type Pooled = { pool: CvmPool; events: CvmPoolEvent[] }

export function poolOf(machine: Machine, options: Partial<CvmPoolOptions> = {}): Pooled {
  const events: CvmPoolEvent[] = []
  const { origin, judge, role, clientTls } = machine
  const backOff = { first: 20, cap: 100 }
  const report = (event: CvmPoolEvent) => void events.push(event)
  const pool = createCvmPool({ origin, judge, role, clientTls, connections: 1, backOff, report, ...options })
  cleanups.push(() => pool.close())
  return { pool, events }
}

export async function readyPool(machine: Machine, options: Partial<CvmPoolOptions> = {}): Promise<Pooled> {
  const pooled = poolOf(machine, options)
  const { connections = 1 } = options
  await until(() => attestations(pooled) >= connections, 'all connections attested')
  return pooled
}

export const attestations = ({ events }: Pooled) => events.filter(({ event }) => event === 'attested').length

export function leased(pool: CvmPool): Lease {
  const lease = pool.lease()
  if (lease === undefined) throw new Error('no lease')
  return lease
}

export const get = (path: string, headers: readonly Field[] = []): CvmRequest => ({
  method: 'GET',
  path,
  headers,
  body: null,
})
export const post = (body: CvmRequest['body']): CvmRequest => ({ method: 'POST', path: '/echo', headers: [], body })

export async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of body) {
    expect(piece.length).toBeGreaterThan(0)
    pieces.push(piece)
  }
  return concat(...pieces)
}

/** Sends, reads to the end, releases. */
export async function exchange(pool: CvmPool, request: CvmRequest): Promise<{ status: number; text: string }> {
  const lease = leased(pool)
  try {
    const { status, body } = await lease.send(request)
    return { status, text: fromUtf8(await whole(body)) }
  } finally {
    lease.release()
  }
}

export async function reasonOf(work: Promise<unknown>): Promise<string> {
  const cause: unknown = await work.then(
    () => new Error('it worked'),
    (error: unknown) => error,
  )
  if (!(cause instanceof CvmFailure)) throw cause
  return cause.reason
}

export const hello: Handler = (_request, response) => void response.end('hello')

/** A peer that attests like the machine, and then does as it likes with each request. */
export async function scripted(machine: Machine, serve: (socket: Peer['accepted'][number]) => void): Promise<Peer> {
  const peer = await startPeer(machine.identity, async (socket, nonce) => {
    socket.write(answerWith(await evidenceFor(machine, socket, nonce)))
    socket.on('data', () => serve(socket))
  })
  cleanups.push(() => peer.stop())
  return peer
}
