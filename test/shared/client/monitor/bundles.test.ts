/** The monitor on bundles: real gateway and relays, and relays that show something else than everybody sees. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { signRoot } from '../../../../shared/attestation/trust-root.ts'
import { serializeKeyConfigs } from '../../../../shared/ohttp/key-config.ts'
import { generateSigner } from '../../../../shared/tlog/signer.ts'
import { newKey } from '../../../gateway/town.ts'
import { operator } from '../operator.ts'
import { serve } from '../town.ts'
import { around, deployment, forged, hostileRelay, hour } from './deployment.ts'

const listOf = (keyId: number) => serializeKeyConfigs([newKey(keyId).config])
const minute = 60_000

test('two real relays and the gateway show one bundle: nothing to alarm about', async () => {
  const it = await deployment()
  await it.publish({ serial: 7 })
  const [one, two] = [await it.relay(), await it.relay()]
  const args = ['--relay', `${one.url},${two.url}`, '--gateway', it.gateway, '--log', it.log.published]
  const { exit, report } = await it.monitor(args)
  expect([exit, report.alarms, report.notWatched]).toEqual([0, [], []])
  expect(report.vantages.map(({ at, serial }) => [at, serial])).toEqual([
    [one.url, 7],
    [two.url, 7],
    [it.gateway, 7],
  ])
  expect(new Set(report.vantages.map(({ sha256 }) => sha256)).size).toBe(1)
  expect(report.logs).toMatchObject([{ origin: it.log.origin, size: 1 }])
  expect(statSync(it.state).mode & 0o777).toBe(0o600)
})

test('a rotation that has not reached every relay is no alarm, and is one when it lasts', async () => {
  const it = await deployment()
  await it.publish({ serial: 7 })
  const [quick, slow] = [await it.relay(), await it.relay()]
  const args = ['--relay', quick.url, '--relay', slow.url, '--log', it.log.published]
  expect((await it.monitor(args)).codes).toEqual([])
  await it.publish({ serial: 8, keys: listOf(2) })
  await quick.refresh()
  expect((await it.monitor(args)).codes).toEqual([])
  it.clock += 20 * minute
  expect((await it.monitor(args)).codes).toEqual([])
  it.clock += 1000
  const { exit, report } = await it.monitor(args)
  expect([exit, report.alarms.map(({ code, about }) => [code, about])]).toEqual([1, [['bundle-differs', slow.url]]])
  expect(report.alarms[0]?.detail).toBe('serial 7, while 8 is known for 20 minutes')
  await slow.refresh()
  expect((await it.monitor(args)).codes).toEqual([])
})

test('a relay that shows a few people another bundle of the same serial is caught, and the proof stays', async () => {
  const it = await deployment()
  const good = await it.publish({ serial: 7 })
  const honest = await it.relay()
  const other = await it.bundle({ serial: 7, keys: listOf(9) })
  const hostile = await hostileRelay(other)
  const args = ['--relay', `${honest.url},${hostile.url}`]
  const { exit, report } = await it.monitor(args)
  expect([exit, report.alarms.map(({ code, about }) => [code, about])]).toEqual([
    1,
    [['bundle-equivocation', hostile.url]],
  ])
  expect(report.alarms[0]?.notes).toEqual([good, other])
  hostile.bundle = good
  it.clock += hour
  const later = await it.monitor(args)
  expect([later.exit, later.codes]).toEqual([1, ['bundle-equivocation']])
  expect(later.report.alarms[0]).toMatchObject({ notes: [good, other], since: report.at })
})

test('one vantage point is enough: a bundle that is swapped for a while contradicts what was seen', async () => {
  const it = await deployment()
  const hostile = await hostileRelay(await it.bundle({ serial: 7 }))
  expect((await it.monitor(['--relay', hostile.url])).codes).toEqual([])
  hostile.bundle = await it.bundle({ serial: 7, keys: listOf(9) })
  expect((await it.monitor(['--relay', hostile.url])).codes).toEqual(['bundle-equivocation'])
})

test('CONS-6: a relay that goes back to an older bundle is caught at once, also after a restart', async () => {
  const it = await deployment()
  const old = await it.publish({ serial: 7 })
  const honest = await it.relay()
  await it.publish({ serial: 8, keys: listOf(2) })
  await honest.refresh()
  const hostile = await hostileRelay(await it.bundle({ serial: 8, keys: listOf(2) }))
  hostile.bundle = await fetched(honest.url)
  const args = ['--relay', `${honest.url},${hostile.url}`]
  expect((await it.monitor(args)).codes).toEqual([])
  hostile.bundle = old
  const { report } = await it.monitor(args)
  expect(report.alarms).toMatchObject([{ code: 'serial-backwards', about: hostile.url, detail: 'serial 7 after 8' }])
  hostile.bundle = await fetched(honest.url)
  expect((await it.monitor(args)).codes).toEqual([])
})

describe('what a client refuses', () => {
  test.each<[string, (it: Awaited<ReturnType<typeof deployment>>) => Promise<string>, string]>([
    [
      'a bundle that somebody else signed',
      async () => forged({ serial: 9, placement: 'front', roots: [], keys: listOf(1), ...around(Date.now()) }),
      'bundle-unverified, unsigned',
    ],
    [
      'a bundle that was changed on its way',
      async (it) => (await it.bundle()).replace('"serial":7', '"serial":8'),
      'bundle-unverified, bad-signature',
    ],
    ['a bundle that ended', (it) => it.bundle(around(it.clock - 13 * hour)), 'bundle-unverified, bundle-expired'],
    ['keys that nobody can use', (it) => it.bundle({ keys: Uint8Array.of(0, 4, 1, 0x77, 0x77, 0) }), 'key-unusable'],
    ['a captive portal', () => Promise.resolve('<html>'), 'bundle-unverified, malformed-note'],
  ])('%s', async (_, make, detail) => {
    const it = await deployment()
    const { url } = await hostileRelay(await make(it))
    const { exit, report } = await it.monitor(['--relay', url])
    expect(exit).toBe(1)
    expect(report.alarms).toMatchObject([{ code: 'bundle-refused', about: url }])
    expect(report.alarms[0]?.detail).toContain(detail)
    expect(JSON.stringify(report)).not.toContain('<html>')
  })

  test('another placement than the one that is named', async () => {
    const it = await deployment({ placements: ['front', 'inside'] })
    await it.publish()
    const { report } = await it.monitor(['--relay', (await it.relay()).url], { placement: 'inside' })
    expect(report.alarms).toMatchObject([{ code: 'bundle-refused', detail: 'placement-mismatch, placement-mismatch' }])
  })
})

test.each<[string, number | undefined, string]>([
  ['nobody there', undefined, 'relay-unreachable, ECONNREFUSED'],
  ['no bundle', 404, 'bundle-unavailable, status 404'],
  ['a redirect', 302, 'relay-redirected, status 302'],
])('a vantage point with %s is silent', async (_, status, detail) => {
  const it = await deployment()
  const relay = await hostileRelay()
  if (status === undefined) {
    const gone = await serve(() => undefined)
    await gone.close()
    Object.assign(relay, { url: gone.url })
  } else relay.status = status
  const { report } = await it.monitor(['--relay', relay.url])
  expect(report.alarms).toMatchObject([{ code: 'vantage-silent', about: relay.url, detail }])
})

describe('ends and ages', () => {
  test.each([
    [31 * minute, []],
    [29 * minute, ['bundle-ending']],
  ])('%i ms before its end: %j', async (left, codes) => {
    const it = await deployment()
    const { url } = await hostileRelay(
      await it.bundle({ ...around(it.clock), notAfter: it.clock + left - (left % 1000) }),
    )
    expect((await it.monitor(['--relay', url])).codes).toEqual(codes)
  })

  test.each([
    ['production', 31, []],
    ['production', 29, ['root-ending']],
    ['development', 2, []],
    ['development', 0.9, ['root-ending']],
  ] as const)('a %s root with %f days left: %j', async (use, days, codes) => {
    const it = await deployment(use === 'production' ? { use, logs: [], witnesses: [], quorum: 0 } : {})
    it.clock += (90 - days) * 24 * hour
    const { url } = await hostileRelay(await it.bundle())
    expect((await it.monitor(['--relay', url])).codes).toEqual(codes)
  })

  test('the end of the root is told even if nobody shows a bundle', async () => {
    const it = await deployment()
    it.clock += 89.5 * 24 * hour
    const { url } = await hostileRelay()
    expect((await it.monitor(['--relay', url])).codes).toEqual(['bundle-refused', 'root-ending'])
  })

  test('a key on offer for more than a day, whatever its id and suites', async () => {
    const it = await deployment()
    const key = newKey(1)
    const relay = await hostileRelay(await it.bundle({ serial: 7, keys: serializeKeyConfigs([key.config]) }))
    expect((await it.monitor(['--relay', relay.url])).codes).toEqual([])
    it.clock += 24 * hour
    const renamed = serializeKeyConfigs([
      { ...key.config, keyId: 2, offered: [...key.config.offered, ...key.config.offered] },
    ])
    relay.bundle = await it.bundle({ serial: 8, keys: renamed })
    expect((await it.monitor(['--relay', relay.url])).codes).toEqual([])
    it.clock += 1000
    const { report } = await it.monitor(['--relay', relay.url])
    expect(report.alarms).toMatchObject([{ code: 'key-too-old', about: relay.url }])
    relay.bundle = await it.bundle({ serial: 9, keys: listOf(3) })
    expect((await it.monitor(['--relay', relay.url])).codes).toEqual([])
  })
})

describe('the next trust root', () => {
  async function successors() {
    const it = await deployment()
    const { fields, rootSigner } = it.people
    const next = (more: object) => signRoot({ ...fields, version: 2, ...more }, [rootSigner])
    const [one, other] = [await next({}), await next({ minPolicySerial: 9 })]
    return { it, one, other }
  }

  test('is followed, remembered, and not forgotten when a bundle leaves it out', async () => {
    const { it, one } = await successors()
    const relay = await hostileRelay(await it.bundle({ serial: 7, roots: [one] }))
    expect((await it.monitor(['--relay', relay.url])).report.root.version).toBe(2)
    relay.bundle = await it.bundle({ serial: 8 })
    const { report, codes } = await it.monitor(['--relay', relay.url])
    expect([report.root.version, codes]).toEqual([2, []])
  })

  test('is one and the same for everybody', async () => {
    const { it, one, other } = await successors()
    const good = await hostileRelay(await it.bundle({ serial: 7, roots: [one] }))
    const hostile = await hostileRelay(await it.bundle({ serial: 8, roots: [other] }))
    const { report } = await it.monitor(['--relay', `${good.url},${hostile.url}`])
    expect(report.alarms).toMatchObject([{ code: 'root-equivocation', about: hostile.url, notes: [one, other] }])
    expect((await it.monitor(['--relay', good.url])).codes).toEqual(['root-equivocation'])
  })
})

describe('the state', () => {
  test('that is damaged, or belongs to another root, ends the command and is left as it is', async () => {
    const it = await deployment()
    await it.publish()
    const args = ['--relay', (await it.relay()).url]
    await it.monitor(args)
    const good = readFileSync(it.state, 'utf8')
    const stranger = await operator()
    for (const [text, trust] of [
      [good.replace('"version": 1', '"version": 2'), it.people.root],
      [good.replace('"serials"', '"cereals"'), it.people.root],
      ['', it.people.root],
      [good, stranger.root],
    ] as const) {
      writeFileSync(it.state, text)
      const { exit, err, report } = await it.monitor(args, { trust })
      expect([exit, report.alarms]).toEqual([1, []])
      expect(err).toMatch(/--trust, --state: (bad-encoding|bad-trust-root|unsigned|bad-signature)/)
      expect(readFileSync(it.state, 'utf8')).toBe(text)
    }
  })

  test('belongs to one monitor: the slower of two does not write over what the other has seen', async () => {
    const it = await deployment()
    const note = await it.publish()
    const relay = await hostileRelay(note)
    const slow = await serve((_request, response) => {
      void it.monitor(['--relay', relay.url]).then(() => {
        response.writeHead(200, { 'content-type': 'application/asunder-bundle' }).end(note)
      })
    })
    const { exit, err } = await it.monitor(['--relay', slow.url])
    await slow.close()
    expect([exit, err]).toEqual([1, expect.stringContaining('--state: the state was written by another monitor')])
    expect(readFileSync(it.state, 'utf8')).toContain(relay.url)
    expect(readFileSync(it.state, 'utf8')).not.toContain(slow.url)
  })

  test('"none" leaves nothing behind', async () => {
    const it = await deployment()
    await it.publish()
    expect((await it.monitor(['--relay', (await it.relay()).url, '--state', 'none'])).exit).toBe(0)
    expect(existsSync(it.state)).toBe(false)
  })
})

async function fetched(relay: string): Promise<string> {
  return (await fetch(new URL('/.well-known/asunder-bundle', relay))).text()
}

test('a stranger’s root is no root of this state', async () => {
  const it = await deployment()
  const { exit, err } = await it.monitor(['--relay', it.gateway], { trust: (await generateSigner('x')).vkey })
  expect([exit, err]).toEqual([1, expect.stringContaining('malformed-note')])
})
