/** Relay and gateway as two operators: whatever one holds that is secret, the other does not. RFC 9458 §6, OHTTP-R17. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeMaterials, type Materials } from '../../../deploy/local/pair/materials.ts'
import { gatewaySettings, relaySettings } from '../../../deploy/local/pair/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'asunder-operators-'))
const at = { host: '127.0.0.1', port: 1 }
let materials: Materials

beforeAll(async () => {
  materials = await makeMaterials(folder, Date.now())
  relaySettings(materials, at)
  gatewaySettings(materials, at)
})
afterAll(() => rmSync(folder, { recursive: true }))

const filesOf = (party: 'relay' | 'gateway'): Map<string, string> => {
  const names = readdirSync(materials.folders[party])
  return new Map(names.map((name) => [name, readFileSync(join(materials.folders[party], name), 'utf8')]))
}

test('OHTTP-R17: no file of one operator is the other’s too, but for the public certificate of their authority', () => {
  const gateway = new Set(filesOf('gateway').values())
  const same = [...filesOf('relay')].filter(([, text]) => gateway.has(text)).map(([name]) => name)
  expect(same).toEqual(['authority.pem'])
  expect(filesOf('relay').get('authority.pem')).toMatch(/^-----BEGIN CERTIFICATE-----/)
})

test('OHTTP-R17: each has settings and a private key of its own, and names no path of the other', () => {
  for (const [party, other] of [
    ['relay', 'gateway'],
    ['gateway', 'relay'],
  ] as const) {
    const files = filesOf(party)
    expect([...files.values()].some((text) => text.includes('PRIVATE KEY'))).toBe(true)
    expect(files.get('settings.json')).toMatch(/"listen"/)
    expect([...files.values()].filter((text) => text.includes(materials.folders[other]))).toEqual([])
  }
})

test('OHTTP-R17: the relay holds no key that signs bundles and no evidence', () => {
  expect([...filesOf('relay').keys()].sort()).toEqual(['authority.pem', 'client.key', 'client.pem', 'settings.json'])
})
