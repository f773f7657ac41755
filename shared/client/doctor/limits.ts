/** Whether what the relay does not take is refused in the constants of this house. wire.md Resources, Errors. */
import { randomBytes } from 'node:crypto'
import { concat, equal, fromUtf8, type Bytes } from '../../bytes.ts'
import { suiteIds } from '../../hpke/suites.ts'
import { mediaTypes } from '../../http/media-types.ts'
import { cannotOpen, problem, type Problem } from '../../http/problem.ts'
import { requestHeader } from '../../ohttp/labels.ts'
import { parseKeyConfigs, type KeyConfig } from '../../ohttp/key-config.ts'
import { Refusal } from '../../refusal.ts'
import { field, type Answer, type Question } from './ask.ts'
import { checked, fails, ok, unless, unseen, type Check, type Finding, type Row } from './findings.ts'
import { below, type Scene } from './scene.ts'

const remedy = 'let the relay itself answer: the proxy or platform before it must not have pages of its own'

const rows = {
  method: { name: 'limits.method', rule: 'another method gets the constant 405', remedy },
  path: { name: 'limits.path', rule: 'another path gets the constant 404', remedy },
  type: { name: 'limits.media-type', rule: 'another media type gets the constant 415', remedy },
  host: {
    name: 'limits.host',
    rule: 'a foreign host gets the constant 421',
    remedy: 'name your own hosts in publicHosts, and let no proxy answer for others or rewrite the host',
  },
  size: {
    name: 'limits.size',
    rule: 'a content-length beyond every limit gets the constant 413, with the limit',
    remedy: 'lower limits.request, and raise what the proxy before the relay takes above it',
  },
  malformed: {
    name: 'limits.malformed',
    rule: 'whatever is wrong with a sealed message, one constant 400 comes back',
    remedy: 'is the gateway up and attested, and does the relay pass its refusals on? See its log and /readyz',
  },
} as const satisfies Record<string, Row>

export async function limitChecks(scene: Scene): Promise<Check[]> {
  const { relay } = scene.options
  const post = { method: 'POST', url: relay } as const
  const sealed = { 'content-type': mediaTypes.request }
  const elsewhere = new URL('/nobody-serves-this', relay)
  const octets = 'message/x-asunder-doctor'
  return [
    await checked(rows.method, () => refused(scene, { method: 'PUT', url: relay }, problem(405))),
    await checked(rows.path, () => refused(scene, { method: 'GET', url: elsewhere }, problem(404))),
    await checked(rows.type, () => refused(scene, { ...post, fields: { 'content-type': octets } }, problem(415))),
    await checked(rows.host, () =>
      foreignHost(scene, { ...post, fields: { ...sealed, ...short, host: 'other.invalid' }, body: new Uint8Array(1) }),
    ),
    await checked(rows.size, () => oversized(scene, { ...post, fields: { ...sealed, 'content-length': huge } })),
    await checked(rows.malformed, () => malformed(scene)),
  ]
}

/** With a message of one octet, which nobody can open. */
const short = { 'content-length': '1' }

/** Above what limits.request may be set to. */
const huge = String(2 ** 40)

async function refused(scene: Scene, question: Question, expected: Problem): Promise<Finding> {
  const answer = await scene.ask(question)
  return busy(answer) ?? unless(differences(answer, expected), `${answer.status}, the constant`)
}

/** Too many questions, or a token wanted first: the rule behind it cannot be seen. */
function busy({ status }: Answer): Finding | undefined {
  if (status === 429) return unseen('the relay asks for patience (429); try again later')
  return status === 401 ? unseen('the relay asks for a token first (401)') : undefined
}

function differences(answer: Answer, expected: Problem): string[] {
  if (answer.status !== expected.status) return [`status ${answer.status} instead of ${expected.status}`]
  const fields = Object.entries(expected.fields)
    .filter(([name, value]) => field(answer, name) !== value)
    .map(([name, value]) => `${name}: ${field(answer, name) ?? 'missing'} instead of ${value}`)
  return textOf(answer.body) === expected.body ? fields : [...fields, 'a text of somebody else']
}

function textOf(body: Bytes): string | undefined {
  try {
    return fromUtf8(body)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return undefined
  }
}

async function foreignHost(scene: Scene, question: Question): Promise<Finding> {
  const answer = await scene.elsewhere(question)
  const taken = differences(answer, cannotOpen).length === 0
  if (scene.local && taken) return unseen('on loopback a relay may answer to every host')
  return busy(answer) ?? unless(differences(answer, problem(421)), '421, the constant')
}

async function oversized(scene: Scene, question: Question): Promise<Finding> {
  const answer = await scene.ask(question)
  const limit = Number(/"limit":(\d{1,15})[,}]/.exec(textOf(answer.body) ?? '')?.[1])
  if (answer.status === 413 && Number.isNaN(limit)) return fails('a 413 that does not name the limit')
  return busy(answer) ?? unless(differences(answer, problem(413, { limit })), `413, the limit is ${limit} octets`)
}

async function malformed(scene: Scene): Promise<Finding> {
  const keys = await keysOf(scene)
  const messages = [new Uint8Array(1), randomMessage(256), ...keys.map(wrongTag), ...keys.map(tooShort)]
  let first: Answer | undefined
  for (const body of messages) {
    const fields = { 'content-type': mediaTypes.request, 'content-length': String(body.length) }
    const answer = await scene.ask({ method: 'POST', url: scene.options.relay, fields, body })
    const finding = busy(answer) ?? unless(differences(answer, cannotOpen), '')
    if (finding.result !== 'ok') return finding
    first ??= answer
    if (namesIn(first) !== namesIn(answer) || !equal(first.body, answer.body)) return fails('two refusals differ')
  }
  return ok(`one answer to ${messages.length} kinds of wrong message${keys.length === 0 ? '; no key list' : ''}`)
}

function namesIn({ head }: Answer): string {
  return head.map(([name, value]) => (name === 'date' ? name : `${name}: ${value}`)).join('\n')
}

/** For messages that are addressed well and wrong behind it. */
async function keysOf(scene: Scene): Promise<KeyConfig[]> {
  const { status, body } = await scene.ask({ method: 'GET', url: below(scene.options.relay, 'ohttp-gateway') })
  try {
    return status === 200 ? parseKeyConfigs(body).filter((entry) => 'kem' in entry) : []
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return []
  }
}

function randomMessage(length: number): Bytes {
  return Uint8Array.from(randomBytes(length))
}

function wrongTag(key: KeyConfig): Bytes {
  return concat(header(key), key.publicKey, randomMessage(64))
}

function tooShort(key: KeyConfig): Bytes {
  return concat(header(key), key.publicKey.subarray(0, 8))
}

function header({ keyId, kem, suites }: KeyConfig): Bytes {
  const [suite] = suites
  return requestHeader(keyId, kem, suite === undefined ? { kdfId: 0, aeadId: 0 } : suiteIds(suite))
}
