/**
 * Packets are read as tcpdump reads them. sample.pcap is what it wrote in a relay's namespace: questions for the gateway's
 * name, a short talk with it, an opening over IPv6, and a datagram to nobody.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { Resolver } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { joined } from '../live/tap.ts'
import { answerTo, readQuestion, typeA } from './dns.ts'
import { flag, readPacket, type Packet } from './packet.ts'
import { readPcap } from './pcap.ts'
import { seenIn } from './seen.ts'
import { streamsOf } from './streams.ts'

const sample = readFileSync(join(import.meta.dirname, 'sample.pcap'))
const packets = readPcap(sample).flatMap((frame) => readPacket(frame) ?? [])
const link = { to: { address: '127.9.2.2', port: 8443 }, clock: 0 }

describe('a capture of tcpdump', () => {
  test('is read packet by packet, as tcpdump prints it', () => {
    const says = packets
      .filter(({ outgoing, protocol }) => outgoing && protocol !== 'icmp')
      .map(({ protocol, from, fromPort, to, toPort, payload }) => [
        protocol,
        from,
        fromPort,
        to,
        toPort,
        payload.length,
      ])
    expect(says).toEqual([
      ['udp', '127.9.12.1', 37398, '192.0.2.53', 53, 41],
      ['udp', '127.9.12.1', 49164, '192.0.2.53', 53, 41],
      ['udp', '127.9.12.1', 49164, '192.0.2.53', 53, 41],
      ['tcp', '127.9.2.1', 37704, '127.9.2.2', 8443, 0],
      ['tcp', '127.9.2.1', 37704, '127.9.2.2', 8443, 0],
      ['tcp', '127.9.2.1', 37704, '127.9.2.2', 8443, 6],
      ['tcp', '127.9.2.1', 37704, '127.9.2.2', 8443, 0],
      ['tcp', '127.9.2.1', 37704, '127.9.2.2', 8443, 0],
      ['tcp', '127.9.2.1', 37704, '127.9.2.2', 8443, 0],
      ['tcp', 'fd00:98:12:0:0:0:0:1', 49284, '2001:db8:0:0:0:0:0:7', 443, 0],
      ['udp', '127.9.12.1', 45309, '203.0.113.7', 514, 6],
    ])
    const opening = packets.find(({ flags }) => flags === flag.syn)
    expect([opening?.sequence, opening?.at]).toEqual([297516047, expect.closeTo(1795637835891.606, 2)])
  })

  test('that is not whole yet is read up to its last whole packet', () => {
    expect(readPcap(sample.subarray(0, -1))).toHaveLength(readPcap(sample).length - 1)
    expect(readPcap(Buffer.alloc(0))).toEqual([])
  })

  test.each([
    ['other octets', Buffer.alloc(40, 7), 'no pcap file'],
    ['packets in other framing', Buffer.concat([sample.subarray(0, 20), Buffer.from([1, 0, 0, 0])]), 'framing 1'],
  ])('is refused when it is %s', (_, octets, says) => {
    expect(() => readPcap(octets)).toThrow(says)
  })

  test('tells who began what: one talk on the link that there is, two beyond it, and three questions', () => {
    const ports = new Map([['b', 8443]] as const)
    const { contacts, lookups } = seenIn((place) => (place === 'relay' ? packets : []), ports, 0)
    expect(contacts.map(({ link: on, beyond, packet }) => [on, beyond, packet.to])).toEqual([
      ['b', false, '127.9.2.2'],
      [undefined, true, '2001:db8:0:0:0:0:0:7'],
      [undefined, true, '203.0.113.7'],
    ])
    expect(lookups.map(({ name, allowed }) => [name, allowed])).toEqual(
      Array.from({ length: 3 }, () => ['gateway.asunder.example', true]),
    )
    const elsewhere = seenIn((place) => (place === 'relay' ? packets : []), new Map([['b', 443]] as const), 0)
    expect(elsewhere.contacts[0]).toMatchObject({ link: undefined, beyond: false })
    const others = seenIn((place) => (place === 'gateway' ? packets : []), ports, 0)
    expect(others.lookups.map(({ allowed }) => allowed)).toEqual([false, false, false])
  })
})

describe('a connection', () => {
  const { connections, missing } = streamsOf(packets, link)

  test('is what went each way, when, and who ended it', () => {
    expect(connections).toHaveLength(1)
    const [{ peer, forward, backward, opened, nearGone = 0 } = connections[0] as never] = connections
    expect(peer).toEqual({ address: '127.9.2.1', port: 37704 })
    expect([joined(forward).toString(), joined(backward).toString(), missing]).toEqual([
      'first ',
      'answer to first ',
      0,
    ])
    expect(nearGone - opened).toBeCloseTo(51.17, 1)
  })

  const opening = packets.find(({ flags }) => flags === flag.syn) as Packet
  const part = (at: number, text: string): Packet => ({
    ...opening,
    flags: flag.ack,
    sequence: (opening.sequence + 1 + at) >>> 0,
    payload: Buffer.from(text),
  })
  const heard = (...parts: readonly Packet[]): readonly [string, number] => {
    const { connections: all, missing: lost } = streamsOf([opening, ...parts], link)
    return [joined(all[0]?.forward ?? []).toString(), lost]
  }

  test.each([
    ['in order', [part(0, 'one '), part(4, 'two ')], 'one two ', 0],
    ['the other way round', [part(4, 'two '), part(0, 'one ')], 'one two ', 0],
    ['twice', [part(0, 'one '), part(0, 'one '), part(4, 'two ')], 'one two ', 0],
    ['with a part twice', [part(0, 'one '), part(2, 'e two ')], 'one two ', 0],
    ['in three, the first last', [part(8, 'end'), part(4, 'two '), part(0, 'one ')], 'one two end', 0],
    ['with a hole', [part(0, 'one '), part(8, 'end')], 'one ', 4],
  ])('whose octets come %s', (_, parts, text, lost) => {
    expect(heard(...parts)).toEqual([text, lost])
  })

  test('goes on where its numbers turn over', () => {
    const begin = { ...opening, sequence: 0xfffffffd }
    const next = { ...part(0, 'ab'), sequence: 0xfffffffe }
    const last = { ...part(0, 'bcd'), sequence: 0xffffffff }
    expect(joined(streamsOf([begin, next, last], link).connections[0]?.forward ?? []).toString()).toBe('abcd')
  })

  test('from a port that was used before is another one', () => {
    const again = { ...opening, sequence: 77 }
    expect(streamsOf([opening, opening, again], link).connections).toHaveLength(2)
  })
})

describe('a question for a name', () => {
  const sockets: { close: () => void }[] = []
  afterEach(() => sockets.splice(0).forEach((socket) => socket.close()))

  test.each([
    ['a known name', 'known.example', ['192.0.2.9']],
    ['one without such a record', 'bare.example', 'ENODATA'],
    ['one that there is not', 'other.example', 'ENOTFOUND'],
  ] as const)('is answered for %s so that a resolver understands it', async (_, name, expected) => {
    const zone: Record<string, string | null> = { 'known.example': '192.0.2.9', 'bare.example': null }
    const server = createSocket('udp4').bind(0, '127.0.0.1')
    sockets.push(server)
    await once(server, 'listening')
    server.on('message', (query, from) => {
      const question = readQuestion(query)
      if (question?.type === typeA) server.send(answerTo(query, question, zone[question.name]), from.port, from.address)
    })
    const resolver = new Resolver({ timeout: 2_000, tries: 1 })
    resolver.setServers([`127.0.0.1:${String(server.address().port)}`])
    await expect(resolver.resolve4(name).catch((error: unknown) => (error as { code: string }).code)).resolves.toEqual(
      expected,
    )
  })

  test.each([
    ['an answer', Buffer.from('000081800001000000000000076578616d706c650000010001', 'hex')],
    ['a name without end', Buffer.from('00000100000100000000000007657861', 'hex')],
    ['no question', Buffer.from('000001000000000000000000076578616d706c650000010001', 'hex')],
    ['a pointer for a name', Buffer.from('000001000001000000000000c00c00010001', 'hex')],
    ['nothing', Buffer.alloc(0)],
  ])('is not found in %s', (_, message) => {
    expect(readQuestion(message)).toBeUndefined()
  })
})
