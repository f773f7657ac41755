/** What is not forgotten: it only grows, and what contradicts it is refused. trust.md 2 and 6. */
import { describe, expect, test } from 'vitest'
import {
  checkSeenClock,
  checkSeenSplit,
  checkSeenTree,
  covers,
  joined,
  nothingSeen,
  policySeen,
  readSeen,
  seenJson,
  treeSeen,
  type Seen,
} from '../../../shared/attestation/seen.ts'
import { parseStrictJson } from '../../../shared/tlog/strict-json.ts'
import { at } from '../../../shared/tlog/json-fields.ts'
import { codeOf } from '../tlog/code-of.ts'
import { now } from './makers.ts'

const root = (fill: number) => new Uint8Array(32).fill(fill)
const hexRoot = (fill: number) => `0${fill}`.repeat(32)
const origin = 'log.example/cvms'

const seen: Seen = {
  serial: 7,
  policies: { app: { serial: 42, time: now } },
  checkpoints: { [origin]: { size: 10, root: hexRoot(1) } },
  newest: now,
  crlNumbers: { Genoa: 4 },
  tcbEvaluationDataNumber: 18,
}

const read = (text: string): Seen => readSeen(at(parseStrictJson(text), 'seen'))

test('it is stored and read back', () => {
  expect(read(JSON.stringify(seenJson(seen)))).toEqual(seen)
})

test('what was never seen takes no room, and old stores read as that', () => {
  expect(seenJson({ ...nothingSeen, serial: 7 })).toEqual({ serial: 7 })
  expect(read('{"serial":7}')).toEqual({ ...nothingSeen, serial: 7 })
  expect(read('{}')).toEqual(nothingSeen)
})

test.each([
  ['{"serial":-2}'],
  ['{"serial":"7"}'],
  ['{"serials":7}'],
  ['{"policies":[]}'],
  ['{"policies":{"app":{"serial":1}}}'],
  ['{"policies":{"app":{"serial":1,"time":-1}}}'],
  ['{"checkpoints":{"a":{"size":1,"root":"AA"}}}'],
  ['{"checkpoints":{"a":{"size":1.5,"root":"00"}}}'],
  ['{"newest":null}'],
  ['{"crlNumbers":{"Naples":1}}'],
  ['{"tcbEvaluationDataNumber":-1}'],
])('%s is no memory: bad-encoding', async (text) => {
  expect(await codeOf(() => read(text))).toBe('bad-encoding')
})

test('joined takes the higher of each, whoever knew it', () => {
  const other: Seen = {
    serial: 6,
    policies: { app: { serial: 41, time: now + 1000 }, other: { serial: 1, time: 5 } },
    checkpoints: { [origin]: { size: 11, root: hexRoot(2) }, second: { size: 1, root: hexRoot(3) } },
    newest: now - 1,
    crlNumbers: { Genoa: 3, Turin: 9 },
    tcbEvaluationDataNumber: 19,
  }
  const both: Seen = {
    serial: 7,
    policies: { app: { serial: 42, time: now + 1000 }, other: { serial: 1, time: 5 } },
    checkpoints: { [origin]: { size: 11, root: hexRoot(2) }, second: { size: 1, root: hexRoot(3) } },
    newest: now,
    crlNumbers: { Genoa: 4, Turin: 9 },
    tcbEvaluationDataNumber: 19,
  }
  expect(joined(seen, other)).toEqual(both)
  expect(joined(other, seen)).toEqual(both)
  expect(joined(seen, {})).toEqual(seen)
  expect(joined(nothingSeen, seen)).toEqual(seen)
})

test('two that saw one size with two roots cannot be joined: split-view', async () => {
  const fork = { checkpoints: treeSeen({ origin, size: 10, root: root(2) }) }
  expect(await codeOf(() => joined(seen, fork))).toBe('split-view')
  expect(joined(seen, { checkpoints: treeSeen({ origin, size: 10, root: root(1) }) })).toEqual(seen)
})

test('a role or origin with a name of the language is one like any other', () => {
  const strange = joined(nothingSeen, {
    policies: { ['__proto__']: { serial: 3, time: 4 } },
    checkpoints: { ['__proto__']: { size: 3, root: hexRoot(1) } },
  })
  expect(policySeen(strange, '__proto__')).toEqual({ serial: 3, time: 4 })
  expect(policySeen(strange, 'constructor')).toEqual({ serial: 0, time: 0 })
  expect(read(JSON.stringify(seenJson(strange)))).toEqual(strange)
})

test.each<[string, Partial<Seen>, boolean]>([
  ['the same', {}, true],
  ['a lower bundle', { serial: 6 }, true],
  ['a higher bundle', { serial: 8 }, false],
  ['a higher policy', { policies: { app: { serial: 43, time: 0 } } }, false],
  ['a lower policy', { policies: { app: { serial: 41, time: now + 9 } } }, true],
  ['a policy for another role', { policies: { other: { serial: 1, time: 0 } } }, false],
  ['a newer tree', { checkpoints: { [origin]: { size: 99, root: hexRoot(2) } }, newest: now + 9 }, true],
])('what another knows, %s: covered %s', (_, changes, expected) => {
  expect(covers(seen, { ...seen, ...changes })).toBe(expected)
})

describe('trees', () => {
  test.each([
    ['the same tree', 10, 1, 'accepted', 'accepted'],
    ['a larger one', 11, 2, 'accepted', 'accepted'],
    ['a smaller one', 9, 2, 'checkpoint-rolled-back', 'accepted'],
    ['another of that size', 10, 2, 'split-view', 'split-view'],
  ])('%s: that follows, %s %s: %s; of an older proof: %s', async (_, size, fill, follows, older) => {
    const tree = { origin, size, root: root(fill) }
    expect(await codeOf(() => checkSeenTree(seen, tree))).toBe(follows)
    expect(await codeOf(() => checkSeenSplit(seen, tree))).toBe(older)
  })

  test('of a log never seen is the first', async () => {
    const tree = { origin: 'other.example', size: 0, root: root(2) }
    expect(await codeOf(() => checkSeenTree(seen, tree))).toBe('accepted')
  })
})

test.each([
  [now, 'accepted'],
  [now - 120_000, 'accepted'],
  [now - 121_000, 'cosignature-from-future'],
])('a clock at %i: %s', async (time, code) => {
  expect(await codeOf(() => checkSeenClock(seen, time, 120_000))).toBe(code)
})
