/** `attack serve`: a hostile relay, gateway or network on loopback, for people who test a client of their own. */
import { parseArgs } from 'node:util'
import { gather } from '../pair/people.ts'
import { gatewayX } from '../roles/gateway.ts'
import { relayX } from '../roles/relay.ts'
import { tap } from '../roles/tap.ts'
import { UsageError } from './options.ts'
import { gatewayTricks, networkTricks, relayTricks, tricks, type ServedRole } from './tricks.ts'

export const serveHelp = `Usage: npm run attack -- serve ROLE [--trick NAME] [--gateway URL] [--to PORT]

Listens on 127.0.0.1 until Ctrl-C and prints where. Point your client at it, and see that it refuses what it should.

  relay     before --gateway URL, or before a gateway of its own; keys are those of the gateway
  gateway   with keys and a bundle under a trust root of its own, whose file it names; also answers as a relay would
  network   passes octets on to --to PORT

${(Object.keys(tricks) as ServedRole[]).map(tricksOf).join('\n\n')}
`

function tricksOf(role: ServedRole): string {
  return [
    `Tricks of ${role}:`,
    ...Object.entries(tricks[role]).map(([name, { says }]) => `  ${name.padEnd(10)}${says}`),
  ].join('\n')
}

export type Serving = {
  /** what to tell the person who asked */
  readonly says: string
  readonly url: string
  readonly close: () => Promise<void>
}

export async function serve(args: readonly string[]): Promise<Serving> {
  const { role, trick, gateway, to } = asked(args)
  const closers: (() => unknown)[] = []
  const defer = (close: () => unknown): void => void closers.push(close)
  const close = async (): Promise<void> => {
    for (const end of closers.reverse()) await end()
  }
  const people = await gather()
  defer(people.remove)
  const stage = { people, defer }
  if (role === 'network') {
    const { url } = await tap(stage, to, { ...networkTricks[trick]?.script })
    return { url, says: `network (${trick}) at ${url}, before port ${to}`, close }
  }
  const own = role === 'gateway' || gateway === undefined
  const { url: behind } = own
    ? await gatewayX(stage, role === 'gateway' ? gatewayTricks[trick]?.script : {})
    : { url: gateway }
  const { url } = await relayX(stage, behind, role === 'relay' ? relayTricks[trick]?.script : {})
  const trust = own ? `\n  trust root of its keys: ${people.trust} (placement front)` : ''
  return { url, says: `${role} (${trick}): clients come in at ${url}${trust}`, close }
}

type Asked = {
  readonly role: ServedRole
  readonly trick: string
  readonly gateway: string | undefined
  readonly to: number
}

function asked(args: readonly string[]): Asked {
  const { values, positionals } = parsed(args)
  const [role = ''] = positionals
  if (!isRole(role)) throw new UsageError(`serve ${role}: give one of ${Object.keys(tricks).join(', ')}`)
  const { trick = 'honest', gateway } = values
  if (!Object.hasOwn(tricks[role], trick))
    throw new UsageError(`--trick ${trick}: give one of ${Object.keys(tricks[role]).join(', ')}`)
  if (gateway !== undefined && !URL.canParse(gateway)) throw new UsageError('--gateway: give a URL')
  const to = Number(values.to ?? 0)
  if (role === 'network' && !(Number.isInteger(to) && to > 0 && to < 65_536))
    throw new UsageError('--to: give the port that it stands before')
  return { role, trick, gateway: gateway?.replace(/\/$/, ''), to }
}

function parsed(args: readonly string[]) {
  try {
    const options = { trick: { type: 'string' }, gateway: { type: 'string' }, to: { type: 'string' } } as const
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'these arguments make no sense')
  }
}

const isRole = (word: string): word is ServedRole => Object.hasOwn(tricks, word)
