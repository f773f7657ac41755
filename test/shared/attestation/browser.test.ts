/** The judge where there is no Node: its bundle imports nothing, and says the same of the same evidence with WebCrypto alone. */
import { existsSync } from 'node:fs'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { judge as nodeJudge, type Question, type Verdict } from '../../../shared/attestation/judge.ts'
import { codeOf } from '../tlog/code-of.ts'
import { there } from './manifest.ts'
import * as snp from './sev-snp/forge.ts'
import * as snpReal from './sev-snp/real.ts'
import * as tdx from './tdx/forge.ts'
import * as tdxReal from './tdx/real.ts'
import { bytes } from './values.ts'

const cases: readonly (readonly [title: string, good: Question, bad: Question])[] = [
  ['SEV-SNP', snp.ask(), snp.ask({ report: { r: bytes(48, 1) } })],
  ['SEV-SNP Turin', snp.ask({ product: 'Turin' }), snp.ask({ product: 'Turin', crlSigner: snp.stranger })],
  ['TDX', tdx.ask(), tdx.ask({ quote: { signature: bytes(64, 1) } })],
  ['TDX of version 4', tdx.ask({ quote: { header: { version: 4 } } }), tdx.ask({ leafSigner: tdx.stranger })],
  ...(there ? real() : []),
]

function real(): typeof cases {
  const [, report] = snpReal.whole.find(([file]) => file.includes('genoa-v5')) ?? []
  if (report === undefined) throw new Error('no such report')
  const quote = tdxReal.question(tdxReal.quoteOf('phala-uptodate'), 'uptodate')
  const listed = { digest: 'ee'.repeat(48), minGuestSvn: 0, notAfter: 0 }
  return [
    ['a real Genoa', snpReal.question(report), snpReal.question(report, { measurements: [listed] })],
    ['a real TD', quote, { ...quote, now: quote.now + 40 * 86_400_000 }],
  ]
}

let text = ''

beforeAll(async () => {
  const { outputFiles, metafile } = await build({
    ...{ entryPoints: ['shared/attestation/judge.ts'], outdir: 'unwritten', write: false, metafile: true },
    ...{ bundle: true, minify: true, format: 'iife', globalName: 'bundle', platform: 'browser', logLevel: 'error' },
  })
  text = outputFiles[0]?.text ?? ''
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
  expect(text).not.toMatch(/["'`]node:|\bBuffer\b|\bprocess\./)
})

const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

describe('without Node, on its WebCrypto', () => {
  const used: string[] = []
  let judge: typeof nodeJudge

  beforeAll(() => {
    // What a page has: no `process`, and each use of WebCrypto is noted.
    const { subtle } = crypto
    const noted = new Proxy(subtle, {
      get: (_, name: keyof SubtleCrypto) => {
        used.push(name)
        return (...given: never[]) => (subtle[name] as (...all: never[]) => unknown).apply(subtle, given)
      },
    })
    const page = createContext({ crypto: { subtle: noted }, TextEncoder, TextDecoder })
    judge = runInContext(`${text};bundle.judge`, page) as typeof nodeJudge
  })

  test.each(cases)('%s: the same verdict and the same refusal', async (_, good, bad) => {
    used.length = 0
    expect(plain(await judge(good))).toEqual(plain(await nodeJudge(good)))
    expect(new Set(used)).toEqual(new Set(['importKey', 'verify']))
    const code = await codeOf(() => nodeJudge(bad))
    expect(code).not.toBe('accepted')
    await expect(judge(bad)).rejects.toMatchObject({ code })
  })
})

const chromiumPath = '/usr/bin/chromium'
if (!existsSync(chromiumPath)) process.stderr.write(`skipped: no ${chromiumPath} to judge in\n`)

describe.skipIf(!existsSync(chromiumPath))('in Chromium', () => {
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking']
    browser = await chromium.launch({ executablePath: chromiumPath, args })
    page = await browser.newPage()
    // WebCrypto is for secure pages; this one is made here and asks nobody.
    await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }))
    await page.goto('https://judge.example/')
    await page.addScriptTag({ content: text })
  })

  afterAll(() => browser.close())

  const asked = (question: Question): Promise<unknown> =>
    page.evaluate(async (one) => {
      const { bundle } = globalThis as unknown as { bundle: { judge: (question: Question) => Promise<Verdict> } }
      return bundle.judge(one).catch((error: unknown) => (error as { code?: string }).code ?? String(error))
    }, question)

  test.each(cases)('%s: the same verdict and the same refusal', async (_, good, bad) => {
    expect(plain(await asked(good))).toEqual(plain(await nodeJudge(good)))
    expect(await asked(bad)).toBe(await codeOf(() => nodeJudge(bad)))
  })
})
