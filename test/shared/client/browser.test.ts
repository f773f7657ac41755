/** The browser entry: nothing of Node in its bundle, and the same exchange in a real Chromium where there is one. */
import { existsSync } from 'node:fs'
import { build } from 'esbuild'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createIssuer } from '../../../deploy/local/issuer/app.ts'
import { generateKeys, type SigningKey } from '../../../deploy/local/issuer/keys.ts'
import { fromUtf8 } from '../../../shared/bytes.ts'
import { publishedKey, type Issuer } from '../../../shared/client/issuer.ts'
import { p256, x25519, xWing } from '../../../shared/hpke/suites.ts'
import { challengeDigest, writeTokenChallenge } from '../../../shared/privacy-pass/challenge.ts'
import { redeem } from '../../../shared/privacy-pass/redeem.ts'
import { blindRsaVerifier } from '../../../shared/privacy-pass/rsa.ts'
import { readTokenField } from '../../../shared/privacy-pass/token.ts'
import { voprfVerifier } from '../../../shared/privacy-pass/voprf.ts'
import type { Outcome, Question } from './page.ts'
import { gatewayKey, serve, town, type Town } from './town.ts'

const chromiumPath = '/usr/bin/chromium'
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]

type Bundle = { readonly text: string; readonly inputs: readonly string[]; readonly imports: readonly string[] }

/** As an application would bundle it. */
async function bundled(entry: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...{ entryPoints: [entry], outdir: 'unwritten', write: false, metafile: true },
    ...{ bundle: true, minify: true, format: 'esm', platform: 'browser', logLevel: 'error' },
  })
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path))
  return { text: outputFiles[0]?.text ?? '', inputs: Object.keys(metafile.inputs), imports }
}

test('the bundle holds no import of Node, none of undici, and nothing left to resolve', async () => {
  const bundle = await bundled('shared/client/browser.ts')
  process.stdout.write(`browser bundle: ${String(Math.ceil(bundle.text.length / 1024))} KiB minified\n`)
  expect(bundle.imports).toEqual([])
  expect(bundle.text).not.toMatch(/["'`]node:|\bBuffer\b|\bprocess\./)
  expect(bundle.inputs.filter((path) => /undici|\/node[-.]|gateway|relay/.test(path))).toEqual([])
  expect(bundle.inputs).toContain('shared/client/oblivious-fetch.ts')
  expect(bundle.text.length).toBeLessThan(200 * 1024)
})

test('what blinds tokens is a bundle of its own, which holds nothing of Node either', async () => {
  const bundle = await bundled('shared/client/tokens.ts')
  process.stdout.write(`token bundle: ${String(Math.ceil(bundle.text.length / 1024))} KiB minified\n`)
  // The arithmetic of blindrsa-ts looks for Node's crypto inside a try, and does without.
  expect(bundle.imports).toEqual(['crypto'])
  expect(bundle.text).not.toMatch(/["'`]node:|\bBuffer\b|\bprocess\./)
  expect(bundle.inputs).toContain('shared/client/wallet.ts')
  const { inputs } = await bundled('shared/client/browser.ts')
  expect(inputs.filter((path) => /blindrsa|noble\/curves/.test(path))).toEqual([])
})

if (!existsSync(chromiumPath)) process.stderr.write(`skipped: no ${chromiumPath} to run the browser client in\n`)

describe.skipIf(!existsSync(chromiumPath))('in Chromium', () => {
  let browser: Browser
  let site: { url: string; close: () => Promise<void> }
  let pair: Town
  let keys: readonly SigningKey[]

  beforeAll(async () => {
    keys = await generateKeys()
    const issuer = createIssuer(keys)
    const { text } = await bundled('test/shared/client/page.ts')
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
    site = await serve((request, response) => {
      if (request.method === 'POST') {
        void Array.fromAsync(request as AsyncIterable<Buffer>).then(async (parts) => {
          const headers = { 'content-type': request.headers['content-type'] ?? '' }
          const answer = await issuer.request(request.url ?? '', {
            method: 'POST',
            headers,
            body: Buffer.concat(parts),
          })
          response.writeHead(answer.status, [...answer.headers].flat()).end(Buffer.from(await answer.arrayBuffer()))
        })
        return
      }
      const script = request.url === '/page.js'
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
      response.end(script ? text : '<!doctype html><script type=module src=/page.js></script>')
    })
  })

  afterAll(async () => {
    await browser.close()
    await site.close()
  })

  beforeEach(async () => {
    pair = await town()
    pair.cors = true
    return () => pair.close()
  })

  /** Asks from inside the page; gives the text of the answer, or the code of the typed error. */
  async function askFromPage(family: 'standard' | 'chunked', issuers?: Question['issuers']): Promise<Outcome> {
    const page = await browser.newPage()
    try {
      await page.goto(site.url)
      const asked = issuers === undefined ? {} : { issuers }
      const question: Question = { relay: pair.url, trust: pair.operator.root, family, ...asked }
      return await page.evaluate<Outcome>(`ask(${JSON.stringify(question)})`)
    } finally {
      await page.close()
    }
  }

  test.each([x25519, p256])('keys of KEM $name, both families', async (kem) => {
    await pair.publish({ serial: 8, key: gatewayKey(3, kem) })
    pair.app = ({ content }) => ({ content: `echo ${fromUtf8(content)}` })
    for (const family of ['standard', 'chunked'] as const) {
      expect(joined(await askFromPage(family))).toBe('echo the dossier')
    }
    expect(pair.opened[0]?.headers.map(([name]) => name)).toEqual(['content-type', 'date'])
    expect(pair.everythingItSaw()).not.toContain('dossier')
  })

  test('tokens of both types are made in the page, and each is good for its own side', async () => {
    const name = (side: string): string => `${side}.issuer.example`
    const issuerOf = (side: string, type: number): Issuer => ({
      ...{ name: name(side), origins: [], url: new URL('/token-request', site.url).href },
      keys: keys.flatMap((key) => (key.type.id === type ? [publishedKey(key.type, key.tokenKey)] : [])),
    })
    const issuers = { relay: issuerOf('relay', 2), gateway: issuerOf('gateway', 1) }
    expect(await askFromPage('standard', issuers)).toEqual({ parts: ['hello'] })
    const raw = pair.posts()[0]?.rawHeaders ?? []
    const outer = raw[raw.findIndex((field) => field.toLowerCase() === 'authorization') + 1] ?? ''
    const inner = pair.opened[0]?.headers.find(([field]) => field === 'authorization')?.[1] ?? ''
    for (const [side, type, field] of [
      ['relay', 2, outer],
      ['gateway', 1, inner],
    ] as const) {
      const made = { tokenType: type, issuerName: name(side), redemptionContext: new Uint8Array(), originInfo: [] }
      const digest = challengeDigest(writeTokenChallenge(made))
      const verifiers = keys.map(({ secretKey, tokenKey }) =>
        secretKey === undefined ? blindRsaVerifier(tokenKey) : voprfVerifier(secretKey),
      )
      expect(redeem(readTokenField(field), { verifiers, digestFor: () => digest })[0].type.id).toBe(type)
    }
  })

  test('K-5: an X-Wing key alone serves a browser that has ML-KEM, and no other sends anything', async () => {
    await pair.publish({ serial: 8, key: gatewayKey(3, xWing) })
    expect(['hello', 'key-unusable']).toContain(joined(await askFromPage('standard')))
    expect(pair.opened.length).toBe(pair.posts().length)
  })

  test('OHTTP-C6, OHTTP-C15: the browser sends no cookie, no referrer and no cache validator to the relay', async () => {
    await askFromPage('standard')
    const names = pair.received.flatMap(({ rawHeaders }) =>
      rawHeaders.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase()),
    )
    for (const name of ['cookie', 'referer', 'if-none-match', 'if-modified-since', 'authorization']) {
      expect(names).not.toContain(name)
    }
  })

  test('tokens show up in the page one by one', async () => {
    pair.app = () => ({ content: slowly('one ', 'two ', 'three') })
    expect(await askFromPage('chunked')).toEqual({ parts: ['one ', 'two ', 'three'] })
  })

  test('CHK-14: a cut answer is a typed error there too', async () => {
    pair.app = () => ({ content: slowly('one ', 'two') })
    pair.cut = true
    expect(await askFromPage('chunked')).toMatchObject({ code: 'answer-truncated' })
  })

  test('OHTTP-C10: a redirect, which a browser hides, is not followed', async () => {
    pair.onPost = (_request, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end()
      return true
    }
    expect(await askFromPage('standard')).toMatchObject({ code: 'relay-redirected' })
    expect(pair.received.map(({ path }) => path)).not.toContain('/elsewhere')
  })
})

function joined(outcome: Outcome): string {
  return 'parts' in outcome ? outcome.parts.join('') : outcome.code
}

async function* slowly(...texts: string[]): AsyncGenerator<string> {
  for (const text of texts) {
    yield text
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
}
