/** A whole gateway in placement `sealed` from its settings, with agents behind it and a publisher beside it. */
import { rmSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { gatewaySettings } from '../../gateway/config.ts'
import { openGateway } from '../../gateway/service.ts'
import { readBundle } from '../../shared/attestation/bundle.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import { fromUtf8 } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { parseKeyConfigs, selectKey } from '../../shared/ohttp/key-config.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { newVendor, type Handler } from './cvm/machine.ts'
import { configOf, minute, sealedMachine } from './cvm/own-machine.ts'
import { publisher } from './publisher.ts'
import { innerMessage, outerRequest } from './sealed-town.ts'
import { worldOf } from './settled.ts'

async function place(handler?: Handler) {
  const vendor = newVendor()
  const requests = { stall: 30_000, firstByte: 30_000 }
  const options = { vendor, life: 300 * minute, requests, ...(handler === undefined ? {} : { handler }) }
  const cvms = [await sealedMachine(options), await sealedMachine(options)]
  const at = await publisher(cvms.map(({ machine }) => machine))
  await at.publish()
  const settings = {
    placement: 'sealed',
    listen: { port: 0, plaintextLoopback: true },
    trust: 'root.note',
    cvms: (at.settings['cvms'] as object[]).map((cvm) => ({ ...cvm, connections: 2 })),
    keys: { file: 'keys.json' },
    store: { kind: 'sqlite', file: 'claims.db' },
    bundle: { file: 'bundle.note' },
    drain: 1_000,
  }
  const world = worldOf(at.folder)
  const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
  onTestFinished(() => service.force())
  const ready = async () => (await fetch(`http://127.0.0.1:${String(service.adminPort)}/readyz`)).status
  await vi.waitFor(async () => expect(await ready()).toBe(200), 8_000)
  return { cvms, at, service, world, url: `http://127.0.0.1:${String(service.port)}`, settings }
}

async function ask(url: string, index: number) {
  const bundle = readBundle(await (await fetch(`${url}/.well-known/asunder-bundle`)).text())
  if (bundle.placement === 'front') throw new Error('another placement')
  const entry = bundle.cvms[index]
  if (entry === undefined) throw new Error('no such key')
  const { config, suite } = selectKey(parseKeyConfigs(bundle.keys), nodeHpke.supports)
  const there = await innerMessage(configOf(entry.keyConfig), { method: 'POST', content: 'hello' })
  const outside = await sealRequest(
    nodeHpke,
    config,
    suite,
    outerRequest(there.message, { authority: `${entry.id}.cvm.invalid` }),
  )
  const headers = { 'content-type': mediaTypes.request }
  const outer = await fetch(url, { method: 'POST', headers, body: outside.message })
  if (outer.status !== 200) return { status: outer.status }
  const said = decodeResponse(await outside.openResponse(new Uint8Array(await outer.arrayBuffer())))
  if (said.status !== 200) return { status: said.status }
  const inner = decodeResponse(await there.openResponse(said.content))
  return { status: inner.status, text: fromUtf8(inner.content) }
}

test('serves the published bundle, carries requests to each CVM in it, and has no bare list', async () => {
  const { cvms, at, url, world } = await place()
  expect(await (await fetch(`${url}/.well-known/asunder-bundle`)).text()).toBe(at.bundle())
  expect((await fetch(`${url}/.well-known/ohttp-gateway`)).status).toBe(404)
  for (const index of [0, 1, 2, 3]) expect(await ask(url, index)).toEqual({ status: 200, text: 'hello' })
  expect(cvms.map(({ machine }) => machine.reached.length)).toEqual([2, 2])
  expect(world.lines).toContainEqual(expect.objectContaining({ event: 'policy-in-force', serial: 42 }))
})

test('a key that was published after it began is known before its bundle is served', async () => {
  const { cvms, at, url } = await place()
  for (const { clocks } of cvms) clocks.mono += 30 * minute
  expect(await at.publish()).toBe(2)
  await vi.waitFor(
    async () => expect(await (await fetch(`${url}/.well-known/asunder-bundle`)).text()).toBe(at.bundle()),
    {
      timeout: 12_000,
      interval: 50,
    },
  )
  expect(await ask(url, 0)).toEqual({ status: 200, text: 'hello' })
})

test('a new policy ends what was believed under the old one, answers in flight too', async () => {
  let begun = 0
  const { at, world, url } = await place((_request, response) => {
    begun += 1
    response.writeHead(200, { 'content-length': 99 }).write('begun')
  })
  const attested = () => world.lines.filter(({ event }) => event === 'attested').length
  const before = attested()
  const hanging = ask(url, 0)
  await vi.waitFor(() => expect(begun).toBe(1))
  await at.renew({ serial: 43 })
  await at.publish()
  expect(await hanging).toEqual({ status: 503 })
  await vi.waitFor(() => expect(attested()).toBeGreaterThanOrEqual(before + 4), { timeout: 12_000, interval: 50 })
  expect(world.lines).toContainEqual(expect.objectContaining({ event: 'policy-in-force', serial: 43 }))
})

const publish = { policy: 'policy.note', policyProof: 'p', statement: 's', anchor: 'a' }

test.each([
  [
    'inside runs in the CVM',
    { placement: 'inside', cvms: [{ host: '127.0.0.1', port: 1, role: 'app' }], keys: {}, store: {} },
  ],
  ['in sealed nobody who serves may sign', { bundle: { file: 'bundle.note', signer: 'bundle.skey' }, publish }],
])('does not serve: %s', async (why, more) => {
  const { at, settings } = await place()
  const wrong = gatewaySettings(JSON.stringify({ ...settings, ...more }), 'test')
  await expect(openGateway(wrong, worldOf(at.folder))).rejects.toThrow(why)
})

test('without a bundle it is not ready, and says so', async () => {
  const { at, settings } = await place()
  rmSync(at.file)
  const world = worldOf(at.folder)
  const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
  onTestFinished(() => service.force())
  const answer = await fetch(`http://127.0.0.1:${String(service.adminPort)}/readyz`)
  expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('bundle')])
})
