/** `paced` in `sealed`: the CVM makes the cells, and the gateway's are no other size for it. wire.md "Cells", trust.md 5. */
import type { ServerResponse } from 'node:http'
import { expect, test, vi } from 'vitest'
import { inCells } from '../../gateway/cell-reply.ts'
import { passingCells } from '../../gateway/passed-cells.ts'
import type { StreamReply } from '../../gateway/opened.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import type { DecodedResponse } from '../../shared/bhttp/message.ts'
import { encodeContent, encodeEnd, encodeRequestHead } from '../../shared/bhttp/encode.ts'
import { keyResources } from '../../shared/attestation/key-evidence.ts'
import { concat, fromUtf8 } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { sealRequestChunks } from '../../shared/ohttp/chunked.ts'
import { sealedChunked } from '../../shared/ohttp/labels.ts'
import { cellOnWire } from '../../shared/shaping/grid.ts'
import { ticksByHand } from '../shared/shaping/by-hand.ts'
import { aMoment, readEvents, telling } from './cells-town.ts'
import type { SealedOptions } from './cvm/own-machine.ts'
import { sealedTown, type SealedTown } from './sealed-town.ts'
import { chunkedHead, ChunkedClient, suite, type Inside } from './town.ts'

const nonce = 16

type Paced = SealedTown & { readonly inside: ReturnType<typeof ticksByHand>; tick(): Promise<void> }

/** Two clocks, as there are two machines. */
async function paced(options: SealedOptions = {}, stream?: StreamReply): Promise<Paced> {
  const [inside, outside] = [ticksByHand(), ticksByHand()]
  const cells = (hand: ReturnType<typeof ticksByHand>) => ({ ticks: hand.ticks, held: 65_536 })
  const town = await sealedTown([{ stream: stream ?? inCells(cells(inside)), ...options }], {
    stream: passingCells(cells(outside)),
    nonce: 'apart',
  })
  const tick = (): Promise<void> => {
    inside.clock.pass(100)
    outside.clock.pass(100)
    return aMoment()
  }
  return Object.assign(town, { inside, tick })
}

type Heard = {
  readonly sizes: readonly number[]
  readonly said: DecodedResponse
  readonly inner: DecodedResponse | undefined
}

/** A chunked request through both layers, and its answer, while the clocks go on. */
async function askedFor(
  town: Paced,
  meanwhile: (tick: number) => void,
  inside: Inside = {},
  id?: string,
): Promise<Heard> {
  const [cvm] = town.cvms
  if (cvm === undefined) throw new TypeError('no CVM')
  const sealer = await sealRequestChunks(nodeHpke, cvm.config, suite, sealedChunked)
  const client = await ChunkedClient.to(town.key)
  const headers = [
    ['content-type', mediaTypes.sealedChunkedRequest],
    ['date', new Date().toUTCString()],
  ] as const
  const authority = `${id ?? cvm.id}.cvm.invalid`
  await client.chunk(
    encodeRequestHead({ method: 'POST', scheme: 'https', authority, path: keyResources.sealed, headers }),
  )
  await client.chunk(encodeContent(sealer.head))
  await client.chunk(encodeContent(await sealer.seal(chunkedHead({ date: Date.now(), ...inside }))))
  await client.chunk(encodeContent(await sealer.final(encodeEnd())))
  await client.final(encodeEnd())
  const pieces: Uint8Array[] = []
  const state = { over: false }
  const reading = (async () => {
    for await (const piece of (await client.send(town.app)).body as AsyncIterable<Uint8Array>) pieces.push(piece)
  })().finally(() => (state.over = true))
  reading.catch(() => undefined)
  for (let tick = 0; !state.over; tick++) {
    meanwhile(tick)
    await town.tick()
  }
  await reading
  const sizes = pieces.map(({ length }) => length)
  const said = decodeResponse(concat(...(await client.opener.push(concat(...pieces))), ...(await client.opener.end())))
  if (said.status !== 200) return { sizes, said, inner: undefined }
  const opener = sealer.response({ maxChunk: 15_872 })
  const opened = concat(...(await opener.push(said.content)), ...(await opener.end()))
  return { sizes, said, inner: decodeResponse(opened) }
}

test('every chunk that leaves the gateway has one size, the head and the last one too, a power of two of them', async () => {
  const app = telling()
  const town = await paced({ handler: app.handler })
  const said = ['data: a\n\n', `data: ${'long '.repeat(200)}\n\n`, 'event: x\ndata: b\n\n']
  const { sizes, inner } = await askedFor(town, (tick) => {
    const text = said[tick - 5]
    if (text !== undefined) app.say(text)
    if (tick === 9) app.out().end()
  })
  expect(sizes[0]).toBe(nonce + cellOnWire)
  expect(new Set(sizes.slice(1))).toEqual(new Set([cellOnWire]))
  expect(Math.log2(sizes.length) % 1).toBe(0)
  expect(await readEvents(fromUtf8(inner?.content ?? new Uint8Array()))).toEqual(await readEvents(said.join('')))
  expect([town.outcomes, town.faults, town.inside.ticks.size]).toEqual([['served'], [], 0])
})

test.each([
  [
    'an answer that is no stream',
    { handler: (_, out: ServerResponse) => out.end('hello') } satisfies SealedOptions,
    200,
    2,
  ],
  ['a refusal of the CVM', { requests: { methods: ['POST'] } } satisfies SealedOptions, 400, 2],
] as [string, SealedOptions, number, number][])('%s is cells too', async (_, options, status, count) => {
  const town = await paced(options)
  const { sizes, inner } = await askedFor(town, () => undefined)
  expect([inner?.status, sizes]).toEqual([status, [nonce + cellOnWire, ...Array<number>(count - 1).fill(cellOnWire)]])
})

test('a refusal of the gateway is one cell', async () => {
  const town = await paced()
  const { sizes, said } = await askedFor(town, () => undefined, {}, 'f'.repeat(16))
  expect([said.status, sizes]).toEqual([403, [nonce + cellOnWire]])
})

test('what an agent without cells says is not passed on', async () => {
  const town = await paced({ stream: undefined, handler: (_, out) => out.end('x'.repeat(2000)) })
  await expect(askedFor(town, () => undefined)).rejects.toThrow('not complete')
  expect(town.outcomes).toEqual(['cut'])
})

test('a stream longer than the CVM carries is cut, and the app is let go', async () => {
  const app = telling()
  const town = await paced({ handler: app.handler, requests: { stream: 4000 } })
  await expect(askedFor(town, () => undefined)).rejects.toThrow('not complete')
  await vi.waitFor(() => expect([app.out().closed, town.cvms[0]?.outcomes]).toEqual([true, ['cut']]))
})

test('a CVM whose app breaks off cuts both layers', async () => {
  const app = telling()
  const town = await paced({ handler: app.handler })
  const asking = askedFor(town, (tick) => {
    if (tick === 5) app.say('data: x\n\n')
    if (tick === 7) app.out().destroy()
  })
  await expect(asking).rejects.toThrow('not complete')
  await vi.waitFor(() => expect([town.outcomes, town.cvms[0]?.outcomes]).toEqual([['cut'], ['cut']]))
})
