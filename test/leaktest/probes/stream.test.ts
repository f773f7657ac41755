/** What the stream probes say of streams whose answer is known. privacy.md 2.7. */
import { describe, expect, test } from 'vitest'
import { times } from '../stats/numbers.ts'
import { createRng } from '../stats/rng.ts'
import { encoders } from '../simulate/encoders.ts'
import { streams } from '../simulate/streams.ts'
import type { Piece, StreamTrial } from '../types.ts'
import {
  bandwidthFactor,
  matchStreams,
  oddPieces,
  ticksAndTokens,
  tokensRecovered,
  traceFeatures,
  unevenTicks,
} from './stream.ts'

function stream(pieces: readonly Piece[], tokens: readonly Piece[] = pieces): StreamTrial {
  return { topic: 0, start: 0, tokens, b: pieces, a: pieces }
}

const at = (ticks: readonly number[], octets = 100): Piece[] => ticks.map((tick) => ({ t: tick * 100, octets }))

describe('ticks', () => {
  test.each<[string, readonly number[], number]>([
    ['one cell in each', [1, 2, 3, 4], 0],
    ['one left out', [1, 2, 4], 1],
    ['two in one', [1, 2, 2, 3], 1],
    ['nothing at all', [], 0],
  ])('%s', (_, ticks, uneven) => {
    expect(unevenTicks([stream(at(ticks))], 100)).toBe(uneven)
  })

  test('who speaks before which tick, and whether a cell was sent', () => {
    const tokens = [{ t: 150, octets: 3 }]
    expect(ticksAndTokens([stream(at([1, 2, 3]), tokens)], 100)).toEqual({ token: [0, 1, 0], cell: [1, 1, 1] })
    expect(ticksAndTokens([stream(at([2, 3]), tokens)], 100).cell).toEqual([0, 1, 1])
  })
})

test('pieces of another size than most are counted', () => {
  expect(oddPieces([stream(at([1, 2, 3]))])).toBe(0)
  expect(oddPieces([stream([...at([1, 2]), ...at([3], 99)])])).toBe(1)
})

describe('lengths of tokens', () => {
  const shares = (encoder: (typeof encoders)['perToken']): number =>
    tokensRecovered(streams({ encoder, count: 60, rng: createRng(1) })).share

  test('one sealed piece a token gives all of them away', () => {
    expect(shares(encoders.perToken)).toBeGreaterThan(0.99)
  })

  test.each([encoders.paddedTo64, encoders.paced, encoders.slow, encoders.horizon])('$name: none', (encoder) => {
    expect(shares(encoder)).toBe(0)
  })
})

describe('whose stream is whose', () => {
  const found = (encoder: (typeof encoders)['perToken']): { right: number; auc: number } =>
    matchStreams(streams({ encoder, count: 32, rng: createRng(2) }), 'b', createRng(3))

  test('tokens as they come name all of them', () => {
    const { right, auc } = found(encoders.perToken)
    expect(right).toBe(32)
    expect(auc).toBeGreaterThan(0.95)
  })

  test('cells with a bucketed end leave few, a fixed horizon luck', () => {
    expect(found(encoders.paced).right).toBeLessThan(10)
    expect(found(encoders.horizon).right).toBeLessThan(5)
  })

  test('equal streams favour nobody', () => {
    const equal = times(32, () => stream(at([1, 2, 3])))
    const rights = times(50, (i) => matchStreams(equal, 'b', createRng(i)).right)
    expect(rights.reduce((sum, right) => sum + right, 0) / 50).toBeLessThan(2)
  })
})

test('the eleven features are those of the pieces on link A', () => {
  const features = traceFeatures({ ...stream(at([9])), a: [...at([1], 10), ...at([3], 30)] })
  expect(features).toHaveLength(11)
  expect(features.slice(0, 6)).toEqual([2, 40, 300, 20, Math.sqrt(200), 10])
})

test('twice the octets are a factor of two', () => {
  expect(bandwidthFactor([stream(at([1, 2], 200))], [stream(at([1, 2], 100))])).toBe(2)
})
