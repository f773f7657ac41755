/** What packets answer and no tap could: whom a process talks to besides those it must, and for which names it asks. privacy.md 2.1. */
import { ownContract, type Column } from '../contract.ts'
import type { Capture } from '../live/capture.ts'
import { readHello } from '../live/hello.ts'
import { counted, type Answer, type LiveTest } from '../live/tests/live-test.ts'
import { joined } from '../live/tap.ts'
import { flag, type Packet } from './packet.ts'
import { gatewayName, linkPlans, type LinkPlan } from './plan.ts'
import type { Contact, Seen } from './seen.ts'

/** A live test that is told besides what the watchers saw. */
export type NetTest = Omit<LiveTest, 'ask'> & { readonly ask: (seen: Seen, capture: Capture) => Answer | undefined }

export function netTestsOn(seen: Seen): LiveTest[] {
  return netTests.map(({ ask, ...test }) => ({ ...test, ask: (capture) => ask(seen, capture) }))
}

function every(party: Column): string[] {
  return ownContract('front').fields.map(({ id }) => `${id} ${party}`)
}

export const netTests: readonly NetTest[] = [
  {
    id: 'net.beyond',
    tier: 'T1',
    metric: 'contacts of client, relay, gateway or CVM with anybody beyond their own links',
    cells: ['F34 NC', ...every('A')],
    remedy:
      'find who opens it (a library that reports, a redirect that is followed, collateral that is fetched), and let it be',
    ask: ({ contacts }) => ofContacts(contacts, ({ beyond }) => beyond),
  },
  {
    id: 'net.links',
    tier: 'T1',
    metric: 'packets on a link that belong to nothing that the link is for',
    cells: ['F28 NR', 'F28 H'],
    remedy:
      'only clients ask the relay, the relay the gateway, the gateway the CVM, each at one port; find what else is said',
    ask: ({ contacts }) => ofContacts(contacts, ({ beyond, link }) => !beyond && link === undefined),
  },
  {
    id: 'net.sources',
    tier: 'T1',
    metric: 'packets behind the relay with an address of origin that is not the operator’s own',
    cells: ['F01 NR', 'F02 NR', 'F01 H', 'F02 H'],
    remedy: 'the relay must open connections of its own; turn off transparent proxying',
    ask: ({ sent }) => {
      const packets = behind.flatMap((plan) => (sent.get(plan.name)?.near ?? []).map((packet) => ({ plan, packet })))
      const odd = packets.filter(({ plan, packet }) => packet.from !== plan.nearAddress)
      return counted(
        odd.length,
        packets.length,
        odd.map(({ packet }) => described(packet)),
      )
    },
  },
  {
    id: 'net.stack',
    tier: 'T1',
    metric:
      'ways in which connections behind the relay begin, on the link with the most: lifetime, class, window, TCP options',
    cells: ['F03 NR', 'F03 H'],
    remedy: 'let nothing of a client’s connection choose the options of the next one',
    ask: ({ sent }) => {
      const looks = behind.map(({ name }) => (sent.get(name)?.near ?? []).filter(opens).map(looksOf))
      const most = Math.max(...looks.map((of) => new Set(of).size))
      return counted(most, looks.flat().length, [...new Set(looks.flat())], 1)
    },
  },
  {
    id: 'net.names',
    tier: 'T1',
    metric: 'names in TLS hellos behind the relay, other than the gateway’s',
    cells: ['F05 NR', 'F05 H'],
    remedy: 'name the gateway as the settings do, whatever the client called the relay',
    ask: (_, { links }) => {
      const names = [...links.b, ...links.d].map(
        ({ connection }) => readHello(joined(connection.forward))?.serverName ?? gatewayName,
      )
      const odd = names.filter((name) => name !== gatewayName)
      return counted(odd.length, names.length, odd)
    },
  },
  {
    id: 'dns.names',
    tier: 'T1',
    metric: 'questions for names that whoever asked has no business with',
    cells: ['F26 NC'],
    remedy: 'no name that a client chose may be looked up; a client needs its relay’s name and no other',
    ask: ({ lookups, contacts }) => {
      const odd = lookups.filter(({ allowed }) => !allowed)
      const found = [...new Set(odd.map(({ place, name }) => `${place} asked for ${name}`))]
      return counted(odd.length, lookups.length + contacts.length, found)
    },
  },
  {
    id: 'dns.requests',
    tier: 'T1',
    metric: 'questions for names, of relay, gateway or CVM, while clients came and asked',
    cells: every('DNS').filter((cell) => cell !== 'F27 DNS'),
    remedy: 'look up names when connections are opened beforehand, never for a request',
    ask: ({ lookups, contacts, since }) => {
      const late = lookups.filter(({ place, packet }) => place !== 'client' && packet.at >= since)
      const asked = contacts.filter(({ place, packet }) => place === 'client' && packet.at >= since)
      return counted(
        late.length,
        asked.length,
        late.map(({ place, name }) => `${place} asked for ${name}`),
      )
    },
  },
]

const behind: readonly LinkPlan[] = linkPlans.filter(({ near }) => near !== 'client')

function ofContacts(contacts: readonly Contact[], wrong: (contact: Contact) => boolean): Answer {
  const odd = contacts.filter(wrong)
  const found = [...new Set(odd.map(({ place, packet }) => `${place}: ${described(packet)}`))]
  return counted(odd.length, contacts.length, found)
}

function described({ protocol, from, to, toPort }: Packet): string {
  return `${protocol} from ${from} to ${to}, port ${String(toPort)}`
}

function opens({ protocol, flags }: Packet): boolean {
  return protocol === 'tcp' && (flags & (flag.syn | flag.ack)) === flag.syn
}

/** What the kernel's clock puts into the time stamps (RFC 7323 §3.2) is left out; that they are there is not. */
function looksOf({ headers }: Packet): string {
  const ip = tcpStart(headers)
  const tcp = headers.subarray(ip)
  const network =
    (headers[0] ?? 0) >> 4 === 4 ? [headers[8], headers[1]] : [headers[7], headers.readUInt16BE(0) & 0x0ff0]
  return [...network, tcp.readUInt16BE(14), optionsOf(tcp.subarray(20))].join(' ')
}

function tcpStart(headers: Buffer): number {
  const version = (headers[0] ?? 0) >> 4
  return version === 4 ? ((headers[0] ?? 0) & 15) * 4 : 40
}

const [endOfOptions, noOperation, timeStamps] = [0, 1, 8]

function optionsOf(options: Buffer): string {
  const out: string[] = []
  for (let at = 0; at < options.length;) {
    const kind = options[at] ?? endOfOptions
    if (kind === endOfOptions) break
    const length = kind === noOperation ? 1 : Math.max(2, options[at + 1] ?? 2)
    out.push(kind === timeStamps ? String(kind) : options.toString('hex', at, at + length))
    at += length
  }
  return out.join(',')
}
