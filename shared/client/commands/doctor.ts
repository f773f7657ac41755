/** `asunder doctor`: looks at a deployment from outside and says what to mend. */
import { lookup } from 'node:dns/promises'
import { placements } from '../../attestation/root-fields.ts'
import { verifyRoot } from '../../attestation/trust-root.ts'
import { examined } from '../doctor/doctor.ts'
import { Unheard } from '../doctor/findings.ts'
import type { DoctorOptions, Judging } from '../doctor/scene.ts'
import { unheardBy } from '../doctor/ask.ts'
import { abortable } from '../streams.ts'
import { relayAddress } from '../transport.ts'
import { UsageError, type Command, type World } from './command.ts'
import { demanded, parsed, readText } from './connection.ts'
import { told } from './doctor-words.ts'
import { wholeNumber, wordFrom } from './output.ts'
import { simulatedBy, simulatedHelp, simulatedOption } from './simulated.ts'

const one = { type: 'string' } as const
const options = {
  gateway: one,
  vantage: one,
  trust: one,
  placement: one,
  role: one,
  ca: one,
  'http-port': one,
  'plaintext-loopback': { type: 'boolean' },
  ...simulatedOption,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder doctor [options] URL

Looks at a deployment from outside, as any client may, and says of each rule whether it holds, what was seen, and what to
mend. Exits with 0 if nothing fails and with 1 if something does. What it cannot see from there it says too: give it more
options, or look at it from another place.

  URL                     the relay's resource (also from ASUNDER_RELAY)
  --gateway URL           the gateway, to see whether it is somebody else's: what both share fails
  --vantage URL           another relay, or another way to this one: it must show the same bundle and keys
  --trust FILE            the trust root, to judge the bundle by (also from ASUNDER_TRUST)
  --placement WORD        ${placements.join(', ')}; needed with --trust (also from ASUNDER_PLACEMENT)
  --role NAME             the role that you mean, if not whichever the policy is for
  --ca FILE               PEM of the certificate authority of the relay, instead of the system's
  --http-port N           where plaintext is looked for (default: 80)
  --plaintext-loopback    allow http:// to this machine; nothing can be said of its TLS then
${simulatedHelp}
  --json                  one JSON object
  -h, --help              this text`

type Values = {
  readonly [K in Exclude<keyof typeof options, 'plaintext-loopback' | 'json' | 'help'>]?: string
} & { readonly 'plaintext-loopback'?: boolean; readonly json?: boolean }

export const doctor: Command = {
  summary: 'look at a deployment from outside, and say what to mend',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    if (positionals.length > 1) throw new UsageError('give exactly one URL')
    const found = await abortable(examined(await asked(positionals[0], values, world)), world.signal)
    await world.out(values.json === true ? `${JSON.stringify(found)}\n` : told(found))
    return found.ok ? 0 : 1
  },
}

async function asked(url: string | undefined, values: Values, world: World): Promise<DoctorOptions> {
  const plain = values['plaintext-loopback'] ?? false
  const relay = addressOf('relay', demanded('relay', url ?? world.env('ASUNDER_RELAY')), plain)
  const other = (option: 'gateway' | 'vantage'): URL | undefined => {
    const value = values[option]
    return value === undefined ? undefined : addressOf(option, value, plain)
  }
  const port = values['http-port']
  return {
    relay,
    gateway: other('gateway'),
    vantage: other('vantage'),
    ca: values.ca === undefined ? undefined : await readText('ca', values.ca, world),
    judging: await judgingBy(values, relay, world),
    ...(port === undefined ? {} : { plainPort: wholeNumber('http-port', port, [1, 65_535]) }),
    lookup: addressesOf,
    now: () => world.now(),
    signal: world.signal,
  }
}

async function judgingBy(values: Values, relay: URL, world: World): Promise<Judging | undefined> {
  const file = values.trust ?? world.env('ASUNDER_TRUST')
  const word = values.placement ?? world.env('ASUNDER_PLACEMENT')
  const allowSimulated = await simulatedBy(values['allow-simulated'], [relay], world)
  if (file === undefined) {
    if (values.placement ?? values.role ?? allowSimulated) throw new UsageError('--trust is missing: by what to judge?')
    return undefined
  }
  const placement = wordFrom('placement', demanded('placement', word), placements)
  const root = await verifyRoot(await readText('trust', file, world))
  return { root, placement, role: values.role, allowSimulated }
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch (cause) {
    throw new Unheard(unheardBy(cause).code, { cause })
  }
}

/** A gateway may be named by its host alone. */
function addressOf(option: string, value: string, plain: boolean): URL {
  const url = /^[a-z]+:\/\//.test(value) || option === 'relay' ? value : `https://${value}`
  try {
    return relayAddress(url, plain)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const why = cause.message.startsWith('Invalid URL') ? 'not a URL' : cause.message.replace(/^relay: /, '')
    const name = option === 'relay' ? 'URL' : `--${option}`
    throw new UsageError(`${name}: ${why.replace('`plaintextLoopback: true`', '--plaintext-loopback')}`, { cause })
  }
}
