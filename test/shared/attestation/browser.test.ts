/** The judge where there is no Node: its bundle imports nothing, and says the same of the same evidence with WebCrypto alone. */
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'
import { judge as nodeJudge, type Question, type Verdict } from '../../../shared/attestation/judge.ts'
import { codeOf } from '../tlog/code-of.ts'
import * as snp from './sev-snp/forge.ts'
import * as tdx from './tdx/forge.ts'
import { bytes } from './values.ts'

let judge: (question: Question) => Promise<Verdict>
let used: string[] = []

beforeAll(async () => {
  const { outputFiles, metafile } = await build({
    ...{ entryPoints: ['shared/attestation/judge.ts'], outdir: 'unwritten', write: false, metafile: true },
    ...{ bundle: true, minify: true, format: 'iife', globalName: 'bundle', platform: 'browser', logLevel: 'error' },
  })
  const text = outputFiles[0]?.text ?? ''
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
  expect(text).not.toMatch(/["'`]node:|\bBuffer\b|\bprocess\./)
  // What a browser has; no `process`, and every use of WebCrypto is counted.
  const { subtle } = crypto
  const counted = new Proxy(subtle, {
    get: (_, name: keyof SubtleCrypto) => {
      used.push(name)
      return (...given: never[]) => (subtle[name] as (...all: never[]) => unknown).apply(subtle, given)
    },
  })
  const page = createContext({ crypto: { subtle: counted }, TextEncoder, TextDecoder })
  judge = runInContext(`${text};bundle.judge`, page) as typeof judge
})

describe.each<[string, Question, Question]>([
  ['SEV-SNP', snp.ask(), snp.ask({ report: { r: bytes(48, 1) } })],
  ['SEV-SNP Turin', snp.ask({ product: 'Turin' }), snp.ask({ product: 'Turin', crlSigner: snp.stranger })],
  ['TDX', tdx.ask(), tdx.ask({ quote: { signature: bytes(64, 1) } })],
  ['TDX of version 4', tdx.ask({ quote: { header: { version: 4 } } }), tdx.ask({ leafSigner: tdx.stranger })],
])('%s', (_, good, bad) => {
  test('the same verdict', async () => {
    used = []
    expect(JSON.parse(JSON.stringify(await judge(good)))).toEqual(JSON.parse(JSON.stringify(await nodeJudge(good))))
    expect(new Set(used)).toEqual(new Set(['importKey', 'verify']))
  })

  test('the same refusal', async () => {
    const code = await codeOf(() => nodeJudge(bad))
    expect(code).not.toBe('accepted')
    await expect(judge(bad)).rejects.toMatchObject({ code })
  })
})
