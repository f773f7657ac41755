/** wire.md "Cells", privacy.md G08: what a relay can see of a stream, against what our sealers really write. */
import { describe, expect, test } from 'vitest'
import { concat, type Bytes } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { aeads, hkdfSha256, x25519, type Aead } from '../../../shared/hpke/suites.ts'
import { RequestChunkOpener, sealRequestChunks, type ResponseChunkSealer } from '../../../shared/ohttp/chunked.ts'
import { createGatewayKey } from '../../../shared/ohttp/gateway-key.ts'
import { CellGrid, nonceOfAnswer } from '../../../shared/shaping/cell-grid.ts'
import { cellOnWire, outerCells } from '../../../shared/shaping/grid.ts'

type Exchange = { readonly request: Bytes; readonly sealer: ResponseChunkSealer }

async function exchange(aead: Aead): Promise<Exchange> {
  const suite = { kdf: hkdfSha256, aead }
  const key = createGatewayKey({ keyId: 9, kem: x25519, suites: [suite] })
  const sealed = await sealRequestChunks(nodeHpke, key.config, suite)
  const request = concat(sealed.head, await sealed.final(Uint8Array.of(0)))
  const opener = new RequestChunkOpener(() => key)
  opener.push(request)
  opener.end()
  return { request, sealer: opener.response() }
}

/** So many cells, the last one final. */
function answer({ sealer }: Exchange, count: number): Bytes[] {
  const cell = new Uint8Array(outerCells.size).fill(1)
  const last = new Uint8Array(outerCells.finalSize).fill(1)
  return [...Array.from({ length: count - 1 }, () => sealer.seal(cell)), sealer.final(last)]
}

const offGrid = expect.objectContaining({ code: 'off-grid' }) as Error

describe.each(aeads)('an answer sealed with $name', (aead) => {
  test.each([1, 2, 4, 64])('of %i cells is on the grid, in pieces of any size', async (count) => {
    const made = await exchange(aead)
    const nonce = nonceOfAnswer(made.request)
    expect(nonce).toBe(made.sealer.head.length)
    const bytes = concat(made.sealer.head, ...answer(made, count))
    for (const piece of [1, 7, cellOnWire, 10_000, bytes.length]) {
      const grid = new CellGrid(nonce ?? 0)
      const cells = []
      for (let at = 0; at < bytes.length; at += piece) cells.push(...grid.push(bytes.subarray(at, at + piece)))
      grid.end()
      expect(concat(...cells.map(({ octets }) => octets))).toEqual(bytes)
      const lengths = cells.map(({ octets }) => octets.length)
      expect(lengths).toEqual([made.sealer.head.length + cellOnWire, ...Array<number>(count - 1).fill(cellOnWire)])
      expect(cells.map(({ final }) => final)).toEqual([...Array<boolean>(count - 1).fill(false), true])
    }
  })
})

test.each<[string, (made: Exchange) => Bytes[]]>([
  ['a chunk an octet longer', ({ sealer }) => [sealer.seal(new Uint8Array(outerCells.size + 1).fill(1))]],
  [
    'a chunk an octet shorter',
    ({ sealer }) => [sealer.seal(new Uint8Array(outerCells.size - 1).fill(1)), new Uint8Array(9)],
  ],
  ['three cells', (made) => answer(made, 3)],
  ['five cells', (made) => answer(made, 5)],
  ['an octet after the last cell', (made) => [...answer(made, 2), new Uint8Array(1)]],
  ['a cell after the last one', (made) => [...answer(made, 2), new Uint8Array(cellOnWire)]],
  ['another spelling of the length', () => [concat(Uint8Array.of(0x80, 0, 2, 0x10), new Uint8Array(528))]],
])('%s is off the grid', async (_, chunks) => {
  const made = await exchange(aeads[0] as Aead)
  const grid = new CellGrid(made.sealer.head.length)
  expect(() => {
    for (const bytes of [made.sealer.head, ...chunks(made)]) grid.push(bytes)
  }).toThrow(offGrid)
})

test.each([
  ['nothing', 0],
  ['cells without a last one', 530],
  ['half a cell', 700],
])('an end after %s is off the grid', async (_, octets) => {
  const made = await exchange(aeads[0] as Aead)
  const grid = new CellGrid(made.sealer.head.length)
  grid.push(concat(made.sealer.head, ...answer(made, 4)).subarray(0, made.sealer.head.length + octets))
  expect(() => grid.end()).toThrow(offGrid)
})

test('a last cell that is too short does not end', async () => {
  const made = await exchange(aeads[0] as Aead)
  const grid = new CellGrid(made.sealer.head.length)
  grid.push(concat(made.sealer.head, made.sealer.final(new Uint8Array(9))))
  expect(() => grid.end()).toThrow(offGrid)
})

test.each([
  ['too short', new Uint8Array(6)],
  ['of a suite that is none of ours', Uint8Array.of(1, 0, 0x20, 0, 1, 0xff, 0xff)],
])('a request that is %s has no answer in cells', (_, request) => {
  expect(nonceOfAnswer(request)).toBeUndefined()
})
