/** The options that every subcommand shares: which relay, which trust, which placement; and the client made of them. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { placements } from '../../attestation/root-fields.ts'
import { createObliviousFetch, fileMemory, type FamilyChoice, type NodeOptions, type ObliviousFetch } from '../index.ts'
import { UsageError, type World } from './command.ts'
import { wordFrom } from './output.ts'
import { readText } from './read.ts'
import { simulatedBy, simulatedHelp, simulatedOption } from './simulated.ts'
import { openWallets } from './wallets.ts'

export { readText, reasonOf } from './read.ts'

export const connectionOptions = {
  relay: { type: 'string' },
  trust: { type: 'string' },
  placement: { type: 'string' },
  role: { type: 'string' },
  ...simulatedOption,
  memory: { type: 'string' },
  ca: { type: 'string' },
  'relay-issuer': { type: 'string' },
  'gateway-issuer': { type: 'string' },
  'plaintext-loopback': { type: 'boolean' },
  timeout: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig

export const connectionHelp = `Connection (also from ASUNDER_RELAY, ASUNDER_TRUST, ASUNDER_PLACEMENT):
  --relay URL             the relay's resource, https://relay.example/ or https://relay.example/r/NAME
  --trust FILE            the trust root, as the publisher of the service ships it
  --placement WORD        what you insist on, never inferred and never lowered: front (the gateway's operator is
                          trusted), inside or sealed (this command judges the CVMs before it sends anything)
  --role NAME             what the CVMs must be attested for, where one root speaks of several roles
${simulatedHelp}
  --memory FILE           where the newest bundle serial is remembered (default: FILE of --trust with
                          .PLACEMENT.seen appended; "none" forgets it when the command ends)
  --ca FILE               PEM of the certificate authority of the relay, instead of the system's
  --relay-issuer FILE, --gateway-issuer FILE
                          whose anonymous tokens the relay or gateway asks for; they lie in FILE.wallet, see
                          asunder token --help
  --plaintext-loopback    allow http:// to a relay or issuer on this machine
  --timeout SECONDS       give up after so many seconds (default: no limit)
  -h, --help              this text`

export type Connection = {
  readonly relay?: string
  readonly trust?: string
  readonly placement?: string
  readonly role?: string
  readonly 'allow-simulated'?: string
  readonly memory?: string
  readonly ca?: string
  readonly 'relay-issuer'?: string
  readonly 'gateway-issuer'?: string
  readonly 'plaintext-loopback'?: boolean
  readonly timeout?: string
}

/** node:util parseArgs, whose complaints become usage errors. */
export function parsed<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new UsageError(`${cause.message.replace(/\.? To specify.*$/s, '')}; see --help`, { cause })
  }
}

export type Session = {
  readonly fetch: ObliviousFetch
  /** Ctrl-C or --timeout. */
  readonly signal: AbortSignal
}

export async function connect(
  given: Connection,
  world: World,
  extras: { readonly family?: FamilyChoice; readonly keep?: readonly string[] } = {},
): Promise<Session> {
  const relay = demanded('relay', given.relay ?? world.env('ASUNDER_RELAY'))
  const file = demanded('trust', given.trust ?? world.env('ASUNDER_TRUST'))
  const word = demanded('placement', given.placement ?? world.env('ASUNDER_PLACEMENT'))
  const placement = wordFrom('placement', word, placements)
  const signal = within(given.timeout, world.signal)
  const peers = URL.canParse(relay) ? [new URL(relay)] : []
  const allowSimulated = await simulatedBy(given['allow-simulated'], peers, world)
  const options: NodeOptions = {
    relay,
    placement,
    trust: await readText('trust', file, world),
    ...(given.role === undefined ? {} : { role: given.role }),
    ...(allowSimulated === undefined ? {} : { allowSimulated }),
    plaintextLoopback: given['plaintext-loopback'] ?? false,
    ...(given.ca === undefined ? {} : { ca: await readText('ca', given.ca, world) }),
    tokens: await openWallets(given, world),
    ...(given.memory === 'none' ? {} : { memory: fileMemory(given.memory ?? `${file}.${placement}.seen`) }),
    ...extras,
  }
  return { fetch: named(options), signal }
}

/** The library names its options as this command does, so its complaints only need their dashes. */
function named(options: NodeOptions): ObliviousFetch {
  try {
    return createObliviousFetch(options)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const about = cause.message
      .replace('`plaintextLoopback: true`', '--plaintext-loopback')
      .replace(/^keep:/, 'header:')
      .replace(/^tokens:/, 'relay-issuer:')
      .replace(/^allowSimulated:/, 'allow-simulated:')
    throw new UsageError(about.startsWith('Invalid URL') ? '--relay: not a URL' : `--${about}`, { cause })
  }
}

export function demanded(option: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value
  throw new UsageError(`--${option} is missing; give it, or set ASUNDER_${option.toUpperCase()}`)
}

function within(seconds: string | undefined, signal: AbortSignal): AbortSignal {
  if (seconds === undefined) return signal
  const time = Number(seconds)
  if (!(time > 0 && time <= 86_400)) throw new UsageError('--timeout: seconds, more than 0 and at most 86400')
  return AbortSignal.any([signal, AbortSignal.timeout(time * 1000)])
}
