/** The client's half runs in browsers: what a bundle of it pulls in, and what it asks of the runtime. */
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { afterEach, expect, test, vi } from 'vitest'
import {
  aes128Gcm,
  aes256Gcm,
  chaCha20Poly1305,
  hkdfSha256 as kdf,
  p256,
  x25519,
  xWing,
} from '../../../shared/hpke/suites.ts'
import { webHpke } from '../../../shared/hpke/web.ts'

const root = resolve(import.meta.dirname, '../../..')

async function bundled(...modules: string[]): Promise<string[]> {
  const contents = modules.map((name) => `export * from './shared/${name}'`).join('\n')
  const { metafile } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    logLevel: 'silent',
  })
  return Object.keys(metafile.inputs)
}

test('the client half bundles for browsers, without node:crypto and without the gateway', async () => {
  const half = ['request', 'chunked', 'streams', 'key-config'].map((name) => `ohttp/${name}.ts`)
  const inputs = await bundled('hpke/web.ts', ...half)
  expect(inputs.filter((file) => /node:|shared\/hpke\/node|gateway-key/.test(file))).toEqual([])
  expect(inputs).toContain('node_modules/hpke/index.js')
  expect(inputs).toContain('shared/ohttp/chunked-response.ts')
})

test('the node backend does not bundle for browsers, so the test above can fail', async () => {
  await expect(bundled('hpke/node.ts')).rejects.toThrow('node:crypto')
})

afterEach(() => vi.unstubAllGlobals())

const gcm = { kdf, aead: aes128Gcm }

test('a runtime that cannot be asked is taken to have what has been everywhere for years', () => {
  vi.stubGlobal('SubtleCrypto', {})
  expect([x25519, p256, xWing].map((kem) => webHpke.supports(kem, gcm))).toEqual([true, true, false])
  expect([aes256Gcm, chaCha20Poly1305].map((aead) => webHpke.supports(x25519, { kdf, aead }))).toEqual([true, false])
})

test('a runtime that can be asked is believed', () => {
  const asked: unknown[] = []
  vi.stubGlobal('SubtleCrypto', { supports: (...question: unknown[]) => (asked.push(question), false) })
  expect(webHpke.supports(x25519, gcm)).toBe(false)
  expect(asked).toEqual([['generateKey', 'X25519']])
})

test('a KDF that is not in the table is not supported', () => {
  expect(webHpke.supports(x25519, { ...gcm, kdf: { ...kdf } })).toBe(false)
})
