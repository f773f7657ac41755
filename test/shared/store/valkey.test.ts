/** What a store on another machine must do beyond the contract: be one for all replicas, and fail closed. OHTTP-G21. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Store } from '../../../shared/store/store.ts'
import { createValkeyStore, type ValkeyStoreOptions } from '../../../shared/store/valkey.ts'
import { certificatePem, issuedBy, privateKeyPem, selfSigned } from '../../../shared/upstream/certificate.ts'
import { freePort } from '../upstream/free-port.ts'
import { redisIsHere, startRedis, type RedisServer } from './redis.ts'

const shares = { dated: 2_000, dateless: 5_000 }
const name = (n: number) => Uint8Array.of(n >> 8, n)
const soon = () => Date.now() + 600_000

async function server(...words: string[]): Promise<RedisServer> {
  const redis = await startRedis(words)
  onTestFinished(() => redis.stop())
  return redis
}

function storeAt(port: number, options: Partial<ValkeyStoreOptions> = {}): Store & { readonly told: string[] } {
  const told: string[] = []
  const settings = { host: '127.0.0.1', port, prefix: 'test', shares, timeout: 300, ...options }
  const store = createValkeyStore({ ...settings, told: (state) => told.push(state) })
  onTestFinished(() => store.close())
  return { ...store, told }
}

const claim = (store: Store, n: number): Promise<string> => store.claim(name(n), soon(), 'dated')
const comesBack = (store: Store, n: number): Promise<void> =>
  vi.waitFor(async () => expect(await claim(store, n)).toBe('first'), { timeout: 8_000, interval: 20 })

describe.skipIf(!redisIsHere)('with a real server', () => {
  test('two replicas give each name once, and share what is full', async () => {
    const redis = await server()
    const [one, two] = [storeAt(redis.port), storeAt(redis.port)]
    const claims = await Promise.all(Array.from({ length: 1_000 }, (_, i) => claim(i % 2 === 0 ? one : two, i >> 1)))
    expect(claims.filter((answer) => answer === 'first')).toHaveLength(500)
    expect(claims.filter((answer) => answer === 'seen')).toHaveLength(500)
    const [small, same] = [
      storeAt(redis.port, { shares: { dated: 501 } }),
      storeAt(redis.port, { shares: { dated: 501 } }),
    ]
    expect([await claim(small, 500), await claim(same, 501)]).toEqual(['first', 'full'])
  })

  test('another prefix is another store', async () => {
    const redis = await server()
    expect(await claim(storeAt(redis.port), 1)).toBe('first')
    expect(await claim(storeAt(redis.port, { prefix: 'other' }), 1)).toBe('first')
  })

  test('the server drops what ended by itself, later than anybody could ask for it, and all keys lie in one slot', async () => {
    const redis = await server()
    const store = storeAt(redis.port)
    await claim(store, 1)
    await store.claim(name(2), Infinity, 'dateless/1')
    const keys = redis.cli('--scan').split('\n')
    expect(keys.filter((key) => !key.startsWith('{test}:'))).toEqual([])
    const left = Number(redis.cli('PTTL', '{test}:claim:0001'))
    expect([left > 600_000, left <= 600_000 + 240_000]).toEqual([true, true])
    expect(redis.cli('TTL', '{test}:claim:0002')).toBe('-1')
  })

  test('what was forgotten is gone from the server as well, also beyond one step', async () => {
    const redis = await server()
    const store = storeAt(redis.port)
    await Promise.all(Array.from({ length: 2_500 }, (_, n) => store.claim(name(n), Infinity, 'dateless/1')))
    await store.claim(name(9_000), Infinity, 'dateless/2')
    await store.forget('dateless/1')
    expect(redis.cli('--scan', '--pattern', '*claim*')).toBe('{test}:claim:2328')
    expect(redis.cli('EXISTS', '{test}:going', '{test}:names:dateless/1')).toBe('0')
  })

  test('a forgetting that broke off is ended by the next one', async () => {
    const redis = await server()
    const store = storeAt(redis.port)
    await store.claim(name(1), Infinity, 'dateless/1')
    redis.cli('RENAME', '{test}:names:dateless/1', '{test}:going')
    await store.forget('dateless/2')
    expect(await store.claim(name(1), Infinity, 'dateless/2')).toBe('first')
  })

  test('a connection that breaks is opened again, and the memory is the same', async () => {
    const redis = await server()
    const store = storeAt(redis.port)
    expect(await claim(store, 1)).toBe('first')
    redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    await comesBack(store, 2)
    expect([await claim(store, 1), store.told]).toEqual(['seen', ['works', 'away', 'works']])
  })

  test('a server that is not there at all is an error, and is found when it comes', async () => {
    const port = await freePort()
    const store = storeAt(port)
    await expect(claim(store, 1)).rejects.toThrow('away')
    const redis = await startRedis([], port)
    onTestFinished(() => redis.stop())
    await comesBack(store, 1)
    expect(store.told).toEqual(['away', 'works'])
  })

  test('a server that stands still is an error within the time that was given it', async () => {
    const redis = await server()
    const store = storeAt(redis.port)
    await claim(store, 1)
    redis.freeze()
    await expect(claim(store, 2)).rejects.toThrow()
    redis.thaw()
    await comesBack(store, 3)
    // It may have remembered what it could not say; never is it forgotten.
    expect(['first', 'seen']).toContain(await claim(store, 2))
    expect(await claim(store, 1)).toBe('seen')
  })

  test('OHTTP-G21: a server that lost its memory is not asked again, whoever filled it since', async () => {
    const redis = await server()
    const store = storeAt(redis.port)
    expect(await claim(store, 1)).toBe('first')
    redis.cli('FLUSHALL')
    await expect(claim(store, 1)).rejects.toThrow('forgot')
    expect(await claim(storeAt(redis.port), 2)).toBe('first')
    await expect(claim(store, 1)).rejects.toThrow('forgot')
  })

  test('the same when it was started anew while we were away', async () => {
    const first = await startRedis()
    const store = storeAt(first.port)
    expect(await claim(store, 1)).toBe('first')
    await first.stop()
    await vi.waitFor(() => expect(store.told.at(-1)).toBe('away'))
    await expect(claim(store, 1)).rejects.toThrow('away')
    const second = await startRedis([], first.port)
    onTestFinished(() => second.stop())
    await vi.waitFor(() => expect(store.told.at(-1)).toBe('forgot'), 8_000)
    await expect(claim(store, 1)).rejects.toThrow('forgot')
  })

  test.each([
    ['throws old claims away to make room', ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'], 'evicts'],
    ['throws those away that have an end', ['--maxmemory', '100mb', '--maxmemory-policy', 'volatile-ttl'], 'evicts'],
    ['wants a password', ['--requirepass', 'secret'], 'refused'],
  ])('a server that %s is never asked for a claim', async (_, words, why) => {
    const redis = await server(...words)
    const store = storeAt(redis.port)
    await expect(claim(store, 1)).rejects.toThrow(why)
  })

  test('a server that is full refuses, and loses nothing', async () => {
    const redis = await server('--maxmemory', '100mb', '--maxmemory-policy', 'noeviction')
    const store = storeAt(redis.port)
    expect(await claim(store, 1)).toBe('first')
    redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    await expect(claim(store, 2)).rejects.toThrow('OOM')
    redis.cli('CONFIG', 'SET', 'maxmemory', '100mb')
    expect(await claim(store, 1)).toBe('seen')
  })

  test('names and passwords are shown to it', async () => {
    const redis = await server('--user', 'gateway', 'on', '>secret', '~{test}:*', '+@all')
    expect(await claim(storeAt(redis.port, { username: 'gateway', password: 'secret' }), 1)).toBe('first')
    const wrong = storeAt(redis.port, { username: 'gateway', password: 'guess' })
    await expect(claim(wrong, 2)).rejects.toThrow('refused')
  })

  test('a cluster takes it, since all keys of a claim are in one slot', async () => {
    const redis = await server('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1')
    redis.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await vi.waitFor(() => expect(redis.cli('CLUSTER', 'INFO')).toContain('cluster_state:ok'), 5_000)
    const store = storeAt(redis.port, { cluster: true })
    expect([await claim(store, 1), await claim(store, 1)]).toEqual(['first', 'seen'])
    await store.claim(name(2), Infinity, 'dateless/1')
    await store.forget('dateless/1')
    expect(await store.claim(name(2), Infinity, 'dateless/1')).toBe('first')
  })

  test('over TLS with certificates on both sides, and with nobody else', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'valkey-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const authority = selfSigned({ commonName: 'authority', use: 'authority' })
    const own = issuedBy(authority, { commonName: 'store', use: 'server', names: ['127.0.0.1'] })
    const client = issuedBy(authority, { commonName: 'gateway', use: 'client' })
    const write = (file: string, text: string): string => {
      writeFileSync(join(folder, file), text, { mode: 0o600 })
      return join(folder, file)
    }
    const redis = await server(
      ...[
        '--tls-cert-file',
        write('own.pem', certificatePem(own)),
        '--tls-key-file',
        write('own.key', privateKeyPem(own)),
      ],
      ...['--tls-ca-cert-file', write('ca.pem', certificatePem(authority)), '--tls-auth-clients', 'yes'],
    )
    const ca = Buffer.from(certificatePem(authority))
    const shown = { key: Buffer.from(privateKeyPem(client)), cert: Buffer.from(certificatePem(client)) }
    expect(await claim(storeAt(redis.port, { tls: { ca, ...shown } }), 1)).toBe('first')
    await expect(claim(storeAt(redis.port, { tls: { ca } }), 2)).rejects.toThrow('away')
    await expect(claim(storeAt(redis.port, { tls: shown }), 3)).rejects.toThrow('away')
    await expect(claim(storeAt(redis.port), 4)).rejects.toThrow('away')
  })
})

describe('a server that answers oddly', () => {
  const memory = 'used_memory:1\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n'
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`
  const epoch = bulk('a'.repeat(32))

  /** Speaks as much of the protocol as it takes to be believed, and then something else. */
  async function odd(says: Readonly<Record<string, string>>): Promise<number> {
    const plain: Record<string, string> = { info: bulk(memory), set: '+OK\r\n', get: epoch, ...says }
    const fake = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => {
        for (const [, word = ''] of bytes.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n/g)) {
          socket.write(plain[word.toLowerCase()] ?? '-ERR unknown command\r\n')
        }
      })
    })
    await once(fake.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void fake.close())
    return (fake.address() as AddressInfo).port
  }

  test('the one that tells of each is believed when it answers as it should', async () => {
    expect(await claim(storeAt(await odd({ eval: bulk('first') })), 1)).toBe('first')
  })

  test.each([
    ['with a word that is none of ours', { eval: bulk('maybe') }],
    ['with a number', { eval: ':1\r\n' }],
    ['with nothing', { eval: '$-1\r\n' }],
    ['with a list', { eval: '*1\r\n$5\r\nfirst\r\n' }],
    ['with an error', { eval: '-ERR no\r\n' }],
    ['with what is no answer at all', { eval: 'HTTP/1.1 200 OK\r\n\r\n' }],
    ['without saying what it throws away', { info: bulk('maxmemory:0\r\n'), eval: bulk('first') }],
    ['with a memory that has no name', { get: '$-1\r\n', eval: bulk('first') }],
    ['with the same to everything', { info: '+OK\r\n', get: '+OK\r\n', eval: '+OK\r\n' }],
  ])('%s is an error', async (_, says) => {
    await expect(claim(storeAt(await odd(says)), 1)).rejects.toThrow()
  })
})
