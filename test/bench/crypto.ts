/**
 * What one exchange costs the gateway: open 1 KiB and seal 1 KiB, beside one X25519 operation of the system's openssl on
 * the same machine in the same minute. CPU time, as `openssl speed` counts it. Prints; asserts outputs, never timings.
 * Run: node test/bench/crypto.ts [rounds]
 */
import { diffieHellman, generateKeyPairSync } from 'node:crypto'
import { equal } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import * as suites from '../../shared/hpke/suites.ts'
import { createGatewayKey, type GatewayKey } from '../../shared/ohttp/gateway-key.ts'
import { openRequest, sealRequest, type SealedRequest } from '../../shared/ohttp/request.ts'
import { median, table, verdict } from './measure.ts'
import { x25519Micros } from './openssl.ts'

const goal = 2.6
const kib = new Uint8Array(1024).map((_, i) => i)
const requestsHeld = 64
const batch = 200
const batches = 10

type Subject = { name: string; key: GatewayKey; requests: SealedRequest[]; micros: number[]; ratios: number[] }

const { x25519, p256, xWing, hkdfSha256: kdf, aes128Gcm, aes256Gcm, chaCha20Poly1305 } = suites
const subjects = await Promise.all([
  subject(x25519, aes128Gcm),
  subject(x25519, aes256Gcm),
  subject(x25519, chaCha20Poly1305),
  subject(p256, aes128Gcm),
  subject(xWing, aes128Gcm),
])

let checked = 0
const yardsticks: number[] = []
const rounds = Number(process.argv[2] ?? 5)
subjects.forEach((each) => exchanges(each, batch * batches))
for (let round = 0; round < rounds; round++) {
  const yardstick = x25519Micros() ?? ownX25519Micros()
  yardsticks.push(yardstick)
  for (const each of subjects) {
    const micros = median(Array.from({ length: batches }, () => spent(() => exchanges(each, batch)) / batch))
    each.micros.push(micros)
    each.ratios.push(micros / yardstick)
    await check(each)
  }
}
report()

function exchanges({ key, requests }: Subject, count: number): void {
  for (let i = 0; i < count; i++) {
    const { message } = requests[i % requestsHeld] as SealedRequest
    openRequest(() => key, message).sealResponse(kib)
  }
}

async function check({ key, requests }: Subject): Promise<void> {
  for (const { message, openResponse } of requests) {
    const { content, sealResponse } = openRequest(() => key, message)
    if (!equal(content, kib)) throw new Error('the gateway read something else')
    if (!equal(await openResponse(sealResponse(kib)), kib)) throw new Error('the client read something else')
    checked += 1
  }
}

function spent(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

async function subject(kem: suites.Kem, aead: suites.Aead): Promise<Subject> {
  const suite = { kdf, aead }
  const key = createGatewayKey({ keyId: 1, kem, suites: [suite] })
  const requests: SealedRequest[] = []
  while (requests.length < requestsHeld) requests.push(await sealRequest(nodeHpke, key.config, suite, kib))
  return { name: `${kem.name} / ${aead.name}`, key, requests, micros: [], ratios: [] }
}

/** Where there is no openssl: Node's own, which has the cost of a call from JavaScript on top. */
function ownX25519Micros(): number {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  console.log('no openssl here: measured against crypto.diffieHellman instead')
  const work = (): void => {
    for (let i = 0; i < batch; i++) diffieHellman({ privateKey, publicKey })
  }
  return spent(work) / batch
}

function report(): void {
  const least = Math.min(...yardsticks)
  const rows = subjects.map(({ name, micros, ratios }) => [
    name,
    median(micros).toFixed(1),
    Math.min(...micros).toFixed(1),
    median(ratios).toFixed(2),
    (Math.min(...micros) / least).toFixed(2),
  ])
  console.log(`one X25519 operation: ${median(yardsticks).toFixed(1)} us (least ${least.toFixed(1)}), ${rounds} rounds`)
  console.log(table([['open + seal 1 KiB', 'us median', 'us least', 'ratio median', 'ratio of least'], ...rows]))
  console.log(`${checked} exchanges checked, all good`)
  const [{ name, ratios }] = subjects
  console.log(verdict(name, median(ratios), goal, 'at most'))
}
