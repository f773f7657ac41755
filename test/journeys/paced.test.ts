/**
 * The profile `paced` as it is run: processes in each placement, a client that knows nothing of it, and a tap on the wire on
 * which clients come in. wire.md "Cells"; privacy.md 2.7, G08.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { ask } from '../../deploy/local/demo/ask.ts'
import { startPair, type Address, type Pair, type Settings, type Wire } from '../../deploy/local/pair/pair.ts'
import { createRecorder, type Recorder } from '../../deploy/local/seen/recorder.ts'
import type { Placement } from '../../shared/attestation/trust-root.ts'
import { cellOnWire } from '../../shared/shaping/grid.ts'

const period = 25
// Two seconds in hand: other tests have this machine too.
const ahead = 64
const messages = [
  'I am. He is. We go. It is so. Up we go. No, I do. So do we. Oh, it is. As it is, so be it.',
  'Internationalisation notwithstanding, extraordinarily incomprehensible counterrevolutionaries misunderstand electroencephalographically.',
]

const stops: (() => unknown)[] = []
afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
})

async function tapped(placement: Placement): Promise<{ pair: Pair; taps: Map<Wire, Recorder> }> {
  const taps = new Map<Wire, Recorder>()
  const onWire = async <A extends Address>(wire: Wire, to: A): Promise<A> => {
    if (!('port' in to) || wire === 'cvm') return to
    const recorder = await createRecorder({ to: () => ({ host: '127.0.0.1', port: to.port }) })
    stops.push(() => recorder.close())
    taps.set(wire, recorder)
    return { ...to, port: recorder.port }
  }
  const pair = await startPair({ placement, profile: 'paced', pace: 10, onWire, settings: quick })
  stops.push(() => pair.stop())
  return { pair, taps }
}

/** The same for all of them; nobody else has `cells`. */
function quick(service: Wire, settings: Settings): Settings {
  if (service === 'relay') return { ...settings, cells: { period, ahead } }
  if (service === 'gateway') return { ...settings, cells: { period } }
  return 'cells' in settings ? { ...settings, cells: { period, held: 65_536 } } : settings
}

/** The chunks' lengths of every streamed answer on a wire. */
function streams(tap: Recorder | undefined): number[][] {
  const texts = (tap?.recordings() ?? []).map(({ backward }) => backward.toString('latin1'))
  const begin = /HTTP\/1\.1 200 OK\r\n(?:[^\r]+\r\n)*?content-type: message\/ohttp-chunked-res\r\n(?:[^\r]+\r\n)*\r\n/gi
  return texts.flatMap((text) =>
    [...text.matchAll(begin)].map(({ index, 0: head }) => lengths(text, index + head.length)),
  )
}

function lengths(text: string, from: number): number[] {
  const found: number[] = []
  for (let at = from; ;) {
    const digits = /^[0-9a-f]+/.exec(text.slice(at, at + 8))?.[0] ?? '0'
    const length = Number.parseInt(digits, 16)
    if (length === 0) return found
    found.push(length)
    at += digits.length + 2 + length + 2
  }
}

describe.each(['front', 'sealed', 'inside'] as const)('in %s', { timeout: 90_000 }, (placement) => {
  test('whatever is said, clients get it, and their wire has cells of one size, a power of two of them', async () => {
    const { pair, taps } = await tapped(placement)
    const said: string[] = []
    for (const message of messages) {
      said.push(await ask({ pair, message, model: 'asunder-summarise', write: () => undefined }))
    }
    expect(said.every((text) => text.length > 0)).toBe(true)
    expect(said[0]).not.toBe(said[1])
    const seen = streams(taps.get('relay'))
    expect(seen.length).toBeGreaterThanOrEqual(messages.length)
    expect(Math.max(...seen.map(({ length }) => length))).toBeGreaterThan(2)
    for (const [first = 0, ...others] of seen) {
      expect([16, 32]).toContain(first - cellOnWire)
      expect(new Set(others)).toEqual(new Set([cellOnWire]))
      expect(Math.log2(others.length + 1) % 1).toBe(0)
    }
    if (placement === 'inside') expect(streams(taps.get('gateway'))).toEqual(seen)
  })
})
