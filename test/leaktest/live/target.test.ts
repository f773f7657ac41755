/** A pair that is not ours is met with a bare key list, and judged only by what could be tapped. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditOf } from './audit.ts'
import { startLeakyRelay, type LeakyRelay } from './mutants/leaky-relay.ts'
import { startLivePair, type LivePair } from './pair.ts'
import { captureTarget, readTarget } from './target.ts'

const good = {
  ...{ name: 'theirs', relay: 'https://relay.example/r', keys: 'https://relay.example/keys' },
  resource: 'https://app.example/',
}

describe('its file', () => {
  test('is read with paths relative to itself', () => {
    expect(readTarget(JSON.stringify(good), '/etc/lab/pair.json')).toMatchObject({ name: 'theirs', folder: '/etc/lab' })
  })

  test.each([
    ['an unknown member', { ...good, more: 1 }, ''],
    ['a relay without TLS', { ...good, relay: 'http://relay.example/' }, 'relay'],
    ['no key list', { ...good, keys: undefined }, 'keys'],
    ['a party that keeps nothing for us', { ...good, kept: { V: ['x'] } }, 'kept'],
    ['half a link', { ...good, link: { listen: 9000 } }, 'link'],
  ])('is refused with %s', (_, file, where) => {
    expect(() => readTarget(JSON.stringify(file), 'pair.json')).toThrow(`--target: ${where}`)
  })
})

describe('a relay of another hand in front of our gateway', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'target-'))
  let pair: LivePair
  let relay: LeakyRelay
  beforeAll(async () => {
    pair = await startLivePair({ connections: 16 })
    relay = await startLeakyRelay(pair, { mistake: ({ serverName }) => serverName })
    writeFileSync(join(folder, 'ca.pem'), relay.ca)
    writeFileSync(join(folder, 'relay.log'), 'asked by 127.200.1.1\n')
  }, 60_000)
  afterAll(async () => {
    await relay.close()
    await pair.stop()
    rmSync(folder, { recursive: true })
  })

  test('is found to repeat what was asked, and what nobody tapped stays open', async () => {
    const at = `https://127.0.0.1:${String(relay.port)}`
    const keys = `${at}/.well-known/ohttp-gateway`
    const file = { name: 'theirs', relay: `${at}/`, keys, resource: 'https://app.asunder.example/', ca: 'ca.pem' }
    const target = readTarget(JSON.stringify({ ...file, kept: { R: ['relay.log'] } }), join(folder, 'pair.json'))
    const { capture, present } = await captureTarget(target, { clients: 3, each: 2, random: randomBytes })
    const { rows, matrix } = auditOf(capture, present)
    const verdicts = new Map(rows.map(({ measurement, verdict }) => [measurement.id, verdict]))
    expect(capture.calls.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
    expect(verdicts.get('oracles.relay')).toBe('fail')
    expect(verdicts.get('oracles.unopened')).toBe('pass')
    expect(verdicts.get('keys.consistency')).toBe('pass')
    expect(verdicts.get('canary.R')).toBe('pass')
    expect(verdicts.has('canary.G')).toBe(false)
    expect(matrix.filter(({ party, verdict }) => party === 'G' && verdict !== 'absent')).toEqual([])
    expect(matrix.filter(({ verdict }) => verdict === 'blind')).toEqual([])
    expect(matrix.find(({ field, party }) => field === 'F01' && party === 'R')?.verdict).toBe('seen')
  })
})
