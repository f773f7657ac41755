/**
 * What parties are seen to know although it is no canary: that they were asked, by whom, with which key, in which sizes.
 * Without these the cells that say `must` would be blind. privacy.md 1.2.
 */
import type { Column } from '../contract.ts'
import type { Observation } from '../types.ts'
import type { Capture } from './capture.ts'
import { fieldOf } from './tests/heads.ts'
import { readHello } from './hello.ts'
import { joined } from './tap.ts'

export function structureOf(capture: Capture): Observation[] {
  const { links, calls, scrapes } = capture
  const { a, b, d, app } = links
  const posts = b.flatMap(({ exchanges }) => exchanges).filter(({ request }) => request.start.startsWith('POST '))
  const opened = app.flatMap(({ exchanges }) => exchanges)
  const hellos = new Set(a.map(({ connection }) => readHello(joined(connection.forward))?.fingerprint))
  const streamed = calls.some(({ phase }) => phase === 'streams')
  const pageOf = (operator: string): boolean =>
    scrapes.some((scrape) => scrape.operator === operator && scrape.page !== '')
  return [
    ...seen('F02', ['NC', 'R'], a.length > 0, 'ports on link A'),
    ...seen('F03', ['NC', 'R'], hellos.size > 1, 'hellos on link A'),
    ...seen('F08', ['NC', 'R'], a.length > 0, 'times on link A'),
    ...seen(
      'F09',
      ['NC', 'R'],
      a.some(({ connection }) => connection.nearGone !== undefined),
      'ends on link A',
    ),
    ...seen(
      'F10',
      ['NC', 'R'],
      calls.some(({ phase }) => phase === 'drips'),
      'pieces on link A',
    ),
    ...seen('F13', ['R', 'G'], posts.length > 0, 'headers of messages on link B'),
    ...seen(
      'F13',
      ['K'],
      b.some(({ exchanges }) => exchanges.some(({ request }) => request.start.startsWith('GET '))),
      'key lists on link B',
    ),
    ...seen('F14', ['NC', 'R', 'NR', 'G'], posts.length > 0, 'lengths on links A and B'),
    ...seen('F15', ['V'], opened.length > 0, 'lengths at the application'),
    ...seen(
      'F15',
      ['G', 'H'],
      d.some(({ exchanges }) => exchanges.length > 0),
      'lengths on link D',
    ),
    ...seen(
      'F19',
      ['V', 'G'],
      opened.some(({ response }) => response !== undefined),
      'statuses of the application',
    ),
    ...seen(
      'F20',
      ['R', 'G'],
      posts.some(({ response }) => response !== undefined),
      'statuses on link B',
    ),
    ...seen('F21', ['V', 'G', 'H'], streamed, 'pieces at the application'),
    ...seen('F22', ['V', 'G', 'H', 'R', 'NC', 'NR'], streamed, 'lengths of streams'),
    ...seen(
      'F25',
      [],
      opened.some(({ request }) => fieldOf(request, 'date') !== undefined),
      'dates at the application',
    ),
    ...seen('F26', ['G', 'H', 'V'], d.length > 0, 'connections on link D'),
    ...seen('F27', ['NC', 'R'], a.length > 0, 'addresses on link A'),
    ...seen('F27', ['NR', 'G'], b.length > 0, 'addresses on link B'),
    ...seen('F27', ['MR'], pageOf('relay'), "the relay's page"),
    ...seen('F29', ['G'], opened.length > 0, 'requests that it opened'),
    ...seen(
      'F31',
      ['NC', 'R'],
      a.some(({ exchanges }) => exchanges.length > 1),
      'connections on link A',
    ),
    ...seen('F33', ['NC', 'R'], capture.mirrored.length > 0, 'fetches on link A'),
  ]
}

function seen(fieldId: string, parties: readonly Column[], is: boolean, bytesRef: string): Observation[] {
  return is ? parties.map((party) => ({ party, source: 'wire', t: 0, fieldId, bytesRef })) : []
}
