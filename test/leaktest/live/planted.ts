/** The canaries of one run: what each synthetic client and the application carry, and where. privacy.md 2.3. */
import {
  documentationAddress,
  loopbackAddress,
  mark,
  type Canary,
  type Kind,
  type RandomBytes,
} from '../canary/canaries.ts'

/** What one client says about itself outside the seal, and what it asks and hears inside. All of it is recognisable. */
export type Planted = {
  readonly address: string
  readonly serverName: string
  /** appended to the relay's path in requests that try it */
  readonly query: string
  /** in this order and with these capitals */
  readonly outer: readonly (readonly [name: string, value: string])[]
  readonly inner: {
    readonly path: string
    readonly query: string
    readonly header: string
    readonly cookie: string
    readonly prompt: string
    readonly says: string
    readonly answered: string
    readonly error: string
  }
}

export type Cast = { readonly clients: readonly Planted[]; readonly canaries: readonly Canary[] }

export function plant(count: number, random: RandomBytes): Cast {
  const canaries: Canary[] = []
  const taken = new Set<string>()
  const clients = Array.from({ length: count }, (_, i) => {
    const note = (field: string, name: string, value: string, kind: Kind = 'text'): string => {
      canaries.push({ id: `c${String(i)}.${name}`, field, kind, value })
      return value
    }
    const address = note(
      'F01',
      'ip',
      fresh(taken, () => loopbackAddress(random)),
      'ip4',
    )
    const text = (field: string, name: string): string => note(field, name, mark(name, random))
    return {
      address,
      serverName: `${text('F05', 'sni')}.example`,
      query: `q=${text('F05', 'query')}`,
      outer: cased(i, outerFields(text, note, random)),
      inner: {
        path: `/${text('F16', 'path')}`,
        query: `?q=${text('F16', 'inquery')}`,
        header: text('F17', 'inhead'),
        cookie: `session=${text('F17', 'incookie')}`,
        prompt: text('F18', 'prompt'),
        says: text('F18', 'answer'),
        answered: text('F17', 'anshead'),
        error: `${text('F18', 'failure')}"\n<b>\r\n`,
      },
    }
  })
  return { clients, canaries }
}

type Note = (field: string, name: string, value: string, kind?: Kind) => string

/** What browsers, libraries, proxies and tracing add; privacy.md 2.3 lists them. */
function outerFields(
  text: (field: string, name: string) => string,
  note: Note,
  random: RandomBytes,
): [string, string][] {
  const trace = note('F06', 'trace', Buffer.from(random(16)).toString('hex'))
  return [
    ['User-Agent', `Mozilla/5.0 ${text('F06', 'agent')}`],
    ['Accept-Language', `de-CH;q=0.7, ${text('F06', 'lang')}`],
    ['Cookie', `id=${text('F06', 'cookie')}`],
    ['Authorization', `Bearer ${text('F06', 'bearer')}`],
    ['X-Forwarded-For', note('F01', 'ip6', documentationAddress(random), 'ip6')],
    ['Forwarded', `for=_${text('F06', 'fwd')};proto=https`],
    ['Via', `1.1 ${text('F06', 'via')}`],
    ['Traceparent', `00-${trace}-00f067aa0ba902b7-01`],
    ['Baggage', `user=${text('F06', 'baggage')}`],
    ['X-Request-Id', text('F06', 'reqid')],
    ['Referer', `https://${text('F06', 'referer')}.example/`],
    [`X-${text('F07', 'name')}`, '1'],
  ]
}

function fresh(taken: Set<string>, make: () => string): string {
  for (;;) {
    const value = make()
    // Two clients in one /24 would be each other's canary.
    const network = value.slice(0, value.lastIndexOf('.'))
    if (!taken.has(network)) {
      taken.add(network)
      return value
    }
  }
}

/** Every client has an order and a way of capitals of its own: F07. */
function cased(i: number, fields: [string, string][]): [string, string][] {
  const turned = [...fields.slice(i % fields.length), ...fields.slice(0, i % fields.length)]
  const styles = [(name: string) => name, (name: string) => name.toLowerCase(), (name: string) => name.toUpperCase()]
  const style = styles[i % styles.length] as (name: string) => string
  return turned.map(([name, value]) => [style(name), value])
}
