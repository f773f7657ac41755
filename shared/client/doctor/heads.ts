/**
 * Whether the heads of answers are the closed set that this house knows: each further field would tell something of the
 * gateway, or mark the client that gets it. wire.md "Heads are constants".
 */
import { field, type Answer } from './ask.ts'
import { checked, unless, type Check, type Finding, type Row } from './findings.ts'
import { below, type Heard, type Scene } from './scene.ts'

const rows = {
  closed: {
    name: 'heads.closed',
    rule: 'no answer has a field that the relay did not put there',
    remedy: 'take the fields away in the proxy or platform before the relay; if it cannot, serve without it',
  },
  constant: {
    name: 'heads.constant',
    rule: 'one question gives one head, with a date that tells the minute only',
    remedy: 'let nothing before the relay number, mark or date its answers',
  },
  cors: {
    name: 'heads.cors',
    rule: 'cross-origin sharing is off, or one constant for every origin, never with credentials',
    remedy: 'leave it to the setting `cors` of the relay, and take it out of the proxy before it',
  },
} as const satisfies Record<string, Row>

const always = ['content-type', 'content-length', 'transfer-encoding', 'cache-control', 'date', 'connection'] as const
const sharing = ['access-control-allow-origin', 'access-control-expose-headers'] as const
const preflight = ['access-control-allow-methods', 'access-control-allow-headers', 'access-control-max-age'] as const

/** What a status may carry beside what every answer has. */
const more: Readonly<Record<number, readonly string[]>> = {
  200: ['etag', 'age', 'incremental'],
  204: preflight,
  401: ['www-authenticate'],
  405: ['allow'],
  415: ['accept'],
  429: ['retry-after', 'proxy-status'],
  501: ['proxy-status'],
  503: ['retry-after'],
}

/** After everything else: it looks at all that the relay has said. */
export async function headChecks(scene: Scene): Promise<Check[]> {
  const constant = await checked(rows.constant, () => sameTwice(scene))
  const cors = await checked(rows.cors, () => sharingOf(scene))
  const closed = await checked(rows.closed, () => foreignFields(scene.heard))
  return [closed, constant, cors]
}

function foreignFields(heard: readonly Heard[]): Finding {
  const foreign = new Set(heard.flatMap(({ answer }) => foreignIn(answer)))
  return unless([...foreign].toSorted(), `${heard.length} answers`)
}

function foreignIn({ status, head }: Answer): string[] {
  const known: readonly string[] = [...always, ...sharing, ...(more[status] ?? [])]
  // RFC 9112 §9.6: a connection that ends says so; that it stays goes without saying.
  const wrong = head.filter(([name, value]) => !known.includes(name) || (name === 'connection' && value !== 'close'))
  return wrong.map(([name, value]) => `${name}: ${value.slice(0, 60)}`)
}

async function sameTwice(scene: Scene): Promise<Finding> {
  const question = { method: 'GET', url: below(scene.options.relay, 'asunder-bundle') }
  const pair = [await scene.ask(question), await scene.ask(question)] as const
  const [first = '', second = ''] = pair.map(constantOf)
  const dates = pair.map((answer) => field(answer, 'date') ?? '')
  const complaints = [
    ...(first === second ? [] : [`first ${first}, then ${second}`]),
    ...dates.filter((date) => !/ \d\d:\d\d:00 GMT$/.test(date)).map((date) => `date: ${date || 'missing'}`),
  ]
  return unless([...new Set(complaints)], first)
}

/** Names in their order, and the values that time and a new bundle do not change. */
function constantOf({ status, head }: Answer): string {
  const moving = ['date', 'age', 'cache-control', 'etag', 'content-length']
  const fields = head.map(([name, value]) => (moving.includes(name) ? name : `${name}: ${value}`))
  return [String(status), ...fields].join(', ')
}

const origins = ['https://one.example', 'https://two.example'] as const

async function sharingOf(scene: Scene): Promise<Finding> {
  const { relay } = scene.options
  const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
  const heads: string[][] = []
  for (const origin of origins) {
    const ahead = await scene.ask({ method: 'OPTIONS', url: relay, fields: { origin, ...asked } })
    const got = await scene.ask({ method: 'GET', url: below(relay, 'asunder-bundle'), fields: { origin } })
    heads.push([...sharedIn(ahead), ...sharedIn(got)])
  }
  const [first = [], second = []] = heads
  if (first.length + second.length === 0) return unless([], 'off')
  const wrong = first.filter(notConstant)
  if (first.join() !== second.join()) wrong.push('it depends on the origin')
  return unless(wrong, 'on, the same for every origin')
}

function sharedIn({ head }: Answer): string[] {
  return head.filter(([name]) => name.startsWith('access-control-')).map(([name, value]) => `${name}: ${value}`)
}

function notConstant(line: string): boolean {
  const [name = '', value = ''] = line.split(': ')
  if (name === 'access-control-allow-origin') return value !== '*'
  return !([...sharing, ...preflight] as string[]).includes(name)
}
