/** The binding over real TLS: evidence of this connection is believed, evidence of anything else is not. */
import { once } from 'node:events'
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TLSSocket } from 'node:tls'
import { link, writeQuestion } from '../../shared/attestation/link.ts'
import type { Verdict } from '../../shared/attestation/judge.ts'
import type { Bytes } from '../../shared/bytes.ts'
import { evidenceLimits, serializeEvidence } from '../../shared/attestation/evidence.ts'
import { Refusal, type RefusalCode } from '../../shared/refusal.ts'
import { pinOf, selfSigned, spkiOf } from '../../shared/upstream/certificate.ts'
import { attest, bind, type BindOptions, type Bound } from '../../gateway/binding.ts'
import { simulatedEvidence } from '../../gateway/cvm/simulated.ts'
import { type Machine, pem, startMachine } from './cvm/machine.ts'
import { answerWith, dial, evidenceFor, type Peer, startPeer } from './cvm/peers.ts'

let machine: Machine
const mallory = selfSigned({ commonName: 'mallory', use: 'client' })
const peers: Peer[] = []
const sockets: TLSSocket[] = []

beforeAll(async () => {
  machine = await startMachine({ pins: [pinOf(mallory.privateKey)] })
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(peers.splice(0).map((peer) => peer.stop()))
})
afterAll(() => machine.stop())

async function bindTo(port: number, options: Partial<BindOptions> = {}): Promise<Bound> {
  const { judge, role, clientTls } = machine
  const origin = { host: '127.0.0.1', port }
  const bound = await bind({ origin, judge, role, clientTls, limit: 2000, ...options })
  sockets.push(bound.socket)
  return bound
}

/** The code of the refusal that binding to this peer ends with, whatever else it may be. */
async function refusalOf(work: Promise<unknown>): Promise<RefusalCode> {
  const cause: unknown = await work.then(
    () => new Error('it was accepted'),
    (error: unknown) => error,
  )
  if (!(cause instanceof Refusal)) throw cause
  return cause.code
}

async function peer(...args: Parameters<typeof startPeer>): Promise<number> {
  const started = await startPeer(...args)
  peers.push(started)
  return started.port
}

test('an agent is believed, and its connection then carries requests', async () => {
  const { socket, verdict } = await bindTo(machine.port)
  expect(verdict).toMatchObject({ kind: 'simulated', role: 'app', simulated: true, measurement: machine.measurement })
  expect(socket.getProtocol()).toBe('TLSv1.3')
  expect(socket.isSessionReused()).toBe(false)
  expect(['readable', 'data', 'end', 'close'].map((event) => [event, socket.listenerCount(event)])).toEqual([
    ['readable', 0],
    ['data', 0],
    ['end', expect.any(Number)],
    ['close', expect.any(Number)],
  ])
  socket.write('POST /hello HTTP/1.1\r\nhost: app\r\ncontent-length: 2\r\n\r\nhi')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(machine.reached).toEqual(['POST /hello'])
})

test('every connection gets its own report', async () => {
  const [one, two] = [await bindTo(machine.port), await bindTo(machine.port)]
  expect(one.socket).not.toBe(two.socket)
  expect(machine.lines.filter(({ event }) => event === 'evidence-given').length).toBeGreaterThanOrEqual(2)
})

describe('evidence that speaks of something else', () => {
  test("a stolen TLS key does not help: the evidence is of the thief's own connection", async () => {
    const port = await peer(machine.identity, async (socket, nonce) => {
      const stolen = await dial(machine.port, { ...pem(mallory), minVersion: 'TLSv1.3' })
      sockets.push(stolen)
      const body = writeQuestion(nonce)
      stolen.write(`POST ${link.path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      stolen.on('data', (data: Buffer) => socket.write(data))
    })
    expect(await refusalOf(bindTo(port))).toBe('binding-mismatch')
  })

  const lies: [string, Parameters<typeof evidenceFor>[3]][] = [
    ['nonce', { nonce: randomBytes(32) }],
    ['TLS key', { spki_sha256: createHash('sha256').update(spkiOf(mallory.privateKey)).digest() }],
    ['exporter', { exporter: randomBytes(32) }],
    ['role in the binding', { role: 'other' }],
  ]
  test.each(lies)('another %s is refused', async (_what, lie) => {
    const port = await peer(machine.identity, async (socket, nonce) => {
      socket.write(answerWith(await evidenceFor(machine, socket, nonce, lie)))
    })
    expect(await refusalOf(bindTo(port))).toBe('binding-mismatch')
  })

  test('evidence that was good on an earlier connection, shown again', async () => {
    let first: string | undefined
    const port = await peer(machine.identity, async (socket, nonce) => {
      first ??= await evidenceFor(machine, socket, nonce)
      socket.write(answerWith(first))
    })
    await bindTo(port)
    expect(await refusalOf(bindTo(port))).toBe('binding-mismatch')
  })

  test('no nonce is asked twice', async () => {
    const nonces: string[] = []
    const port = await peer(machine.identity, (socket, nonce) => {
      nonces.push(Buffer.from(nonce).toString('hex'))
      socket.write(answerWith('{}'))
    })
    for (let i = 0; i < 4; i++) expect(await refusalOf(bindTo(port))).toBe('bad-encoding')
    expect(new Set(nonces).size).toBe(4)
    expect(nonces.every((nonce) => nonce.length === 64)).toBe(true)
  })

  test('evidence of a published key, offered for a link', async () => {
    const provider = simulatedEvidence({ platform: machine.platformFile, life: 60_000 })
    const key = { key_config_sha256: new Uint8Array(32), anchor: new Uint8Array(40), policy_sha256: new Uint8Array(32) }
    const port = await peer(machine.identity, async (socket) => {
      const times = { not_before: 1, not_after: 2 }
      const evidence = await provider.evidence({ kind: 2, role: machine.role, ...key, ...times })
      socket.write(answerWith(serializeEvidence(evidence)))
    })
    expect(await refusalOf(bindTo(port))).toBe('binding-mismatch')
  })

  test('without a lie the same peer is believed', async () => {
    const port = await peer(machine.identity, async (socket, nonce) => {
      socket.write(answerWith(await evidenceFor(machine, socket, nonce)))
    })
    expect((await bindTo(port)).verdict.role).toBe('app')
  })

  test('evidence of yesterday, of other code, of another role, or none at all', async () => {
    const expired = await startMachine({ life: -1000 })
    expect(await refusalOf(bindTo(expired.port, who(expired)))).toBe('evidence-expired')
    await expired.stop()
    const stranger = await startMachine()
    expect(await refusalOf(bindTo(stranger.port, { clientTls: stranger.clientTls }))).toBe('bad-chain')
    stranger.withdraw()
    expect(await refusalOf(bindTo(stranger.port, who(stranger)))).toBe('evidence-unavailable')
    await stranger.stop()
    const other = await startMachine({ role: 'other' })
    expect(await refusalOf(bindTo(other.port, who(other)))).toBe('role-refused')
    await other.stop()
  })

  test('other code under the same root is refused', async () => {
    const judge: BindOptions['judge'] = async (...given) => {
      const verdict = await machine.judge(...given)
      if (verdict.measurement !== '00'.repeat(48)) throw new Refusal('measurement-refused', 'another measurement')
      return verdict
    }
    expect(await refusalOf(bindTo(machine.port, { judge }))).toBe('measurement-refused')
  })

  test('a verdict for another role than asked for is not taken from the judge', async () => {
    const judge: BindOptions['judge'] = async (...given) => ({ ...(await machine.judge(...given)), role: 'other' })
    expect(await refusalOf(bindTo(machine.port, { judge }))).toBe('role-refused')
  })

  test('simulated evidence from another machine is refused, whatever the judge says', async () => {
    const socket = await dial(machine.port, { ...machine.clientTls, minVersion: 'TLSv1.3' })
    sockets.push(socket)
    Object.defineProperty(socket, 'remoteAddress', { value: '192.0.2.1' })
    expect(await refusalOf(attest(socket, machine))).toBe('insecure-configuration')
  })
})

const who = ({ judge, clientTls }: Machine) => ({ judge, clientTls })

describe('the connection itself', () => {
  const honest = async (socket: TLSSocket, nonce: Bytes) =>
    socket.write(answerWith(await evidenceFor(machine, socket, nonce)))

  test('a peer that only speaks TLS 1.2 is refused', async () => {
    const tls = { maxVersion: 'TLSv1.2', ALPNProtocols: [link.alpn] } as const
    const port = await peer(machine.identity, honest, tls)
    expect(await refusalOf(bindTo(port))).toBe('target-unreachable')
    const socket = await dial(port, { maxVersion: 'TLSv1.2' })
    sockets.push(socket)
    expect(socket.getProtocol()).toBe('TLSv1.2')
    expect(await refusalOf(attest(socket, machine))).toBe('binding-mismatch')
  })

  test('a resumed session is refused', async () => {
    const port = await peer(machine.identity, honest)
    const first = await dial(port)
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    const resumed = await dial(port, { session })
    sockets.push(resumed)
    expect(resumed.isSessionReused()).toBe(true)
    await expect(attest(resumed, machine)).rejects.toThrow('a resumed session')
  })

  test('a peer that does not agree on http/1.1 is refused', async () => {
    const port = await peer(machine.identity, honest, { minVersion: 'TLSv1.3' })
    expect(await refusalOf(bindTo(port))).toBe('binding-mismatch')
  })

  test('nobody there, nobody who answers, nobody wanted any more', async () => {
    const gone = await startPeer(machine.identity, () => undefined)
    await gone.stop()
    expect(await refusalOf(bindTo(gone.port))).toBe('target-unreachable')
    const silent = await peer(machine.identity, () => undefined)
    expect(await refusalOf(bindTo(silent, { limit: 100 }))).toBe('target-unreachable')
    const leaving = new AbortController()
    setTimeout(() => leaving.abort(), 50)
    await expect(bindTo(silent, { signal: leaving.signal })).rejects.toThrow('no longer wanted')
    await expect(bindTo(silent, { signal: AbortSignal.abort() })).rejects.toThrow('no longer wanted')
  })

  test('a judge that never answers is not waited for', async () => {
    const judge = () => new Promise<Verdict>(() => undefined)
    expect(await refusalOf(bindTo(machine.port, { judge, limit: 100 }))).toBe('target-unreachable')
  })

  test('a connection that ends while the judge thinks is refused', async () => {
    const port = await peer(machine.identity, honest)
    const judge: BindOptions['judge'] = async (...given) => {
      const verdict = await machine.judge(...given)
      for (const socket of peers[0]?.accepted ?? []) socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, 50))
      return verdict
    }
    expect(await refusalOf(bindTo(port, { judge }))).toBe('target-unreachable')
  })

  test('one that has just ended is not believed in the same tick', async () => {
    const socket = await dial(machine.port, { ...machine.clientTls, minVersion: 'TLSv1.3' })
    const judge: BindOptions['judge'] = async (...given) => {
      const verdict = await machine.judge(...given)
      socket.destroy()
      return verdict
    }
    expect(await refusalOf(attest(socket, { judge, role: machine.role }))).toBe('target-unreachable')
  })

  test('no code of another library gets out: undici would redial on it for ever', async () => {
    const judge = () => Promise.reject(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' }))
    expect(await refusalOf(bindTo(machine.port, { judge }))).toBe('target-unreachable')
  })

  test('a failed attempt leaves no socket behind', async () => {
    const started = await startPeer(machine.identity, (socket) => socket.write(answerWith('{}')))
    peers.push(started)
    expect(await refusalOf(bindTo(started.port))).toBe('bad-encoding')
    const [socket] = started.accepted
    if (socket?.destroyed === false) await once(socket, 'close')
    expect(socket?.destroyed).toBe(true)
  })
})

describe('answers that are not just evidence', () => {
  const extra = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'

  test('bytes after the evidence, in the same breath', async () => {
    const port = await peer(machine.identity, async (socket, nonce) => {
      socket.write(answerWith(await evidenceFor(machine, socket, nonce)) + extra)
    })
    expect(await refusalOf(bindTo(port))).toBe('trailing-data')
  })

  test('bytes after the evidence, while the judge thinks', async () => {
    let more: (() => void) | undefined
    const port = await peer(machine.identity, async (socket, nonce) => {
      socket.write(answerWith(await evidenceFor(machine, socket, nonce)))
      more = () => void socket.write(extra)
    })
    const judge: BindOptions['judge'] = async (...given) => {
      const verdict = await machine.judge(...given)
      more?.()
      await new Promise((resolve) => setTimeout(resolve, 50))
      return verdict
    }
    expect(await refusalOf(bindTo(port, { judge }))).toBe('trailing-data')
  })

  const shapes: [string, RefusalCode, (body: string) => string][] = [
    ['chunked', 'bad-framing', (body) => answerWith(body, { 'transfer-encoding': 'chunked' })],
    ['without a length', 'bad-framing', (body) => answerWith(body, { 'content-length': '' })],
    ['of length zero', 'bad-framing', () => answerWith('')],
    ['with a signed length', 'bad-framing', (body) => answerWith(body, { 'content-length': '+5' })],
    ['with two lengths', 'bad-framing', (body) => answerWith(body, { 'Content-Length': '5' })],
    ['that closes', 'bad-framing', (body) => answerWith(body, { connection: 'keep-alive, Close' })],
    ['with a broken field', 'bad-framing', (body) => answerWith(body, { 'x y': 'z' })],
    ['with an endless head', 'bad-framing', (body) => answerWith(body, { pad: 'x'.repeat(5000) })],
    ['that is not HTTP', 'bad-framing', () => 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['of HTTP/1.0', 'bad-framing', (body) => answerWith(body).replace('HTTP/1.1', 'HTTP/1.0')],
    ['of status 503', 'evidence-unavailable', (body) => answerWith(body, {}, '503 Service Unavailable')],
    ['of another type', 'evidence-unavailable', (body) => answerWith(body, { 'content-type': 'text/html' })],
    ['too long', 'body-too-large', (body) => answerWith(body, { 'content-length': String(evidenceLimits.text + 1) })],
  ]
  test.each(shapes)('an answer %s is refused as %s', async (_shape, code, shape) => {
    const port = await peer(machine.identity, async (socket, nonce) => {
      socket.write(shape(await evidenceFor(machine, socket, nonce)))
    })
    expect(await refusalOf(bindTo(port))).toBe(code)
  })

  test('an honest answer in single bytes is read', async () => {
    const port = await peer(machine.identity, async (socket, nonce) => {
      const text = answerWith(await evidenceFor(machine, socket, nonce))
      for (const octet of Buffer.from(text)) {
        if (socket.writable) socket.write(Buffer.of(octet))
      }
    })
    expect((await bindTo(port)).verdict.simulated).toBe(true)
  })

  test('an answer that drips for ever ends with the time limit', async () => {
    const port = await peer(machine.identity, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      const drip = setInterval(() => socket.write('x'), 10)
      socket.on('close', () => clearInterval(drip))
    })
    expect(await refusalOf(bindTo(port, { limit: 200 }))).toBe('target-unreachable')
  })
})
