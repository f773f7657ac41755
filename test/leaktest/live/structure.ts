/**
 * What parties are seen to know although it is no canary: that they were asked, by whom, with which key, in which sizes.
 * Without these the cells that say `must` would be blind. privacy.md 1.2.
 */
import type { Column, Placement } from '../contract.ts'
import type { Observation } from '../types.ts'
import type { Capture } from './capture.ts'
import { readHello } from './hello.ts'
import { joined } from './tap.ts'

/** Who opens what clients seal. */
const openers: Readonly<Record<Placement, readonly Column[]>> = { front: ['G'], inside: ['V'], sealed: ['G', 'V'] }

/** The opened request goes over link D as it is, and its answer comes back so: gateway and host see its lengths and times. */
const bare: Readonly<Record<Placement, readonly Column[]>> = { front: ['G', 'H'], inside: [], sealed: [] }

export function structureOf(capture: Capture): Observation[] {
  const { placement } = capture
  return [...beforeRelay(capture), ...behindRelay(capture, openers[placement]), ...atApp(capture, bare[placement])]
}

function beforeRelay({ links: { a }, calls, mirrored, scrapes }: Capture): Observation[] {
  const hellos = new Set(a.map(({ connection }) => readHello(joined(connection.forward))?.fingerprint))
  const left = a.some(({ connection }) => connection.nearGone !== undefined)
  const dripped = calls.some(({ phase }) => phase === 'drips')
  const shared = a.some(({ exchanges }) => exchanges.length > 1)
  const page = scrapes.some((scrape) => scrape.operator === 'relay' && scrape.page !== '')
  return [
    ...seen('F02', ['NC', 'R'], a.length > 0, 'ports on link A'),
    ...seen('F03', ['NC', 'R'], hellos.size > 1, 'hellos on link A'),
    ...seen('F08', ['NC', 'R'], a.length > 0, 'times on link A'),
    ...seen('F09', ['NC', 'R'], left, 'ends on link A'),
    ...seen('F10', ['NC', 'R'], dripped, 'pieces on link A'),
    ...seen('F27', ['NC', 'R'], a.length > 0, 'addresses on link A'),
    ...seen('F27', ['MR'], page, "the relay's page"),
    ...seen('F31', ['NC', 'R'], shared, 'connections on link A'),
    ...seen('F33', ['NC', 'R'], mirrored.length > 0, 'fetches on link A'),
  ]
}

function behindRelay({ links: { b, d, app }, calls }: Capture, opening: readonly Column[]): Observation[] {
  const exchanges = b.flatMap((heard) => heard.exchanges)
  const posts = exchanges.filter(({ request }) => request.start.startsWith('POST '))
  const looks = exchanges.some(({ request }) => request.start.startsWith('GET '))
  const answered = posts.some(({ response }) => response !== undefined)
  const served = app.some(({ exchanges: some }) => some.length > 0)
  const streamed = calls.some(({ phase }) => phase === 'streams')
  return [
    ...seen('F13', ['R', ...opening], posts.length > 0, 'headers of messages on link B'),
    ...seen('F13', ['K'], looks, 'keys on link B'),
    ...seen('F14', ['NC', 'R', 'NR', 'G', ...opening], posts.length > 0, 'lengths on links A and B'),
    ...seen('F20', ['R', ...opening], answered, 'statuses on link B'),
    ...seen('F22', ['NC', 'R', 'NR', 'G', 'H', 'V'], streamed, 'lengths of streams'),
    ...seen('F26', ['G', 'H', 'V'], d.length > 0, 'connections on link D'),
    ...seen('F27', ['NR', 'G'], b.length > 0, 'addresses on link B'),
    ...seen('F29', opening, served, 'requests that were opened'),
  ]
}

function atApp({ links: { d, app }, calls }: Capture, passing: readonly Column[]): Observation[] {
  const opened = app.flatMap(({ exchanges }) => exchanges)
  const answered = opened.some(({ response }) => response !== undefined)
  const streamed = calls.some(({ phase }) => phase === 'streams')
  const carried = d.some(({ exchanges }) => exchanges.length > 0)
  return [
    ...seen('F15', ['V'], opened.length > 0, 'lengths at the application'),
    ...seen('F15', passing, carried, 'lengths on link D'),
    ...seen('F19', ['V', ...passing.filter((party) => party === 'G')], answered, 'statuses of the application'),
    ...seen('F21', ['V', ...passing], streamed, 'pieces at the application'),
  ]
}

function seen(fieldId: string, parties: readonly Column[], is: boolean, bytesRef: string): Observation[] {
  return is ? parties.map((party) => ({ party, source: 'wire', t: 0, fieldId, bytesRef })) : []
}
