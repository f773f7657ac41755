/** What a gateway of a shaping profile does not take, on both ways through it. wire.md "Padding", RFC 10036 §3. */
import { expect, onTestFinished, test } from 'vitest'
import { concat } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { profiles } from '../../shared/shaping/profile.ts'
import { listen } from '../../shared/upstream/serve.ts'
import { ask, bodyOf, head } from '../relay/harness.ts'
import { binaryRequest, suite, town, type Town, type TownOptions } from './town.ts'

async function served(options: TownOptions, way: 'short' | 'long'): Promise<{ place: Town; port: number }> {
  const place = await town(options)
  const { fetch, shortWay } = place.app
  const short = way === 'short' ? { shortWay } : {}
  const server = await listen({ fetch, ...short, host: '127.0.0.1', port: 0, plaintextLoopback: true })
  onTestFinished(() => server.close(0))
  return { place, port: server.port }
}

/** A request that would be served, of exactly so many octets once it is sealed. */
async function sealed({ key }: Town, octets: number): Promise<Buffer> {
  const inside = binaryRequest({})
  const seal = async (plain: Uint8Array): Promise<Uint8Array> =>
    (await sealRequest(nodeHpke, key.config, suite, plain)).message
  const { length } = await seal(inside)
  return Buffer.from(await seal(concat(inside, new Uint8Array(octets - length))))
}

function posted(content: Buffer, ...fields: string[]): string {
  const framing = fields.some((field) => field.startsWith('transfer-encoding'))
  const lines = ['POST / HTTP/1.1', 'host: x', `content-type: ${mediaTypes.request}`, ...fields]
  const text = content.toString('latin1')
  if (framing) return [...lines, '', `${content.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`].join('\r\n')
  return [...lines, `content-length: ${content.length}`, '', text].join('\r\n')
}

const chunkedFraming = 'transfer-encoding: chunked'
const cases: [string, number, string[], number][] = [
  ['on the grid', 1024, [], 200],
  ['off the grid', 1025, [], 400],
  ['below it', 1023, [], 400],
  ['of a length that nobody says', 1024, [chunkedFraming], 400],
  ['that is passed on as it arrives', 1024, [chunkedFraming, 'incremental: ?1'], 501],
  ['that may be, and says its length', 1024, ['incremental: ?1;x'], 501],
  ['that must not be', 1024, ['incremental: ?0'], 200],
]
const shaped = profiles.filter((profile) => profile !== 'direct')
const ways = ['short', 'long'] as const
const all = shaped.flatMap((profile) => ways.flatMap((way) => cases.map((one) => [profile, way, ...one] as const)))

test.each(all)(
  '%s, the %s way: a request %s (%i octets, %j): %i',
  async (profile, way, _what, octets, fields, status) => {
    const { place, port } = await served({ profile }, way)
    const heard = await ask(port, posted(await sealed(place, octets), ...fields))
    expect(head(heard)[0]).toContain(` ${status} `)
    expect(place.seen.length).toBe(status === 200 ? 1 : 0)
    if (status === 400) expect(bodyOf(heard)).toContain('"about:blank"')
    if (status === 501) expect(head(heard)).toContain('proxy-status: asunder; error=incremental_refused')
  },
)

test.each(cases)('direct takes one %s', async (_what, octets, fields) => {
  const { place, port } = await served({}, 'short')
  const heard = await ask(port, posted(await sealed(place, octets), ...fields))
  expect(head(heard)[0]).toContain(' 200 ')
})
