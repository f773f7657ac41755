/**
 * What a verdict on hardware evidence costs: cold, with every signature of the chain verified, and warm, where chain, lists
 * and ratings were verified before and only what this machine signed is new. One signature alone is the floor of both, so
 * it stands beside them, as Node verifies it and as a browser would. Real evidence from ../shared (or $SHARED_DIR).
 * Prints; asserts verdicts, never timings. Run: node test/bench/judge.ts [rounds]
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { judge, type Question } from '../../shared/attestation/judge.ts'
import { Proven } from '../../shared/attestation/proven.ts'
import { bestEngine, schemes, webEngine, type Engine } from '../../shared/attestation/signatures.ts'
import { there } from '../shared/attestation/manifest.ts'
import * as snp from '../shared/attestation/sev-snp/real.ts'
import * as tdx from '../shared/attestation/tdx/real.ts'
import { median, percentile, table, verdict } from './measure.ts'

const goals = { cold: 2, warm: 1 }
const batch = 50
const rounds = Number(process.argv[2] ?? 5)

if (there) await compare()

type Subject = { readonly name: string; readonly question: Question; readonly cold: number[]; readonly warm: number[] }

function subjects(): readonly Subject[] {
  const uptodate = tdx.quoteOf('phala-uptodate')
  const granite = tdx.quoteOf('gnr-sample')
  const questions = [
    ...snp.whole.map(([file, entry]) => [file, snp.question(entry)] as const),
    [uptodate.file, tdx.question(uptodate, 'uptodate')] as const,
    [granite.file, tdx.question(granite, 'unsupported')] as const,
  ]
  return questions.map(([name, question]) => ({ name, question, cold: [], warm: [] }))
}

async function compare(): Promise<void> {
  const all = subjects()
  const proven = new Proven()
  const floors = signatures()
  for (const each of all) await spent(each.question, proven)
  for (let round = 0; round < rounds; round++) {
    for (const each of floors) each.times.push(...(await bare(each)))
    for (const each of all) {
      each.cold.push(...(await spent(each.question, undefined)))
      each.warm.push(...(await spent(each.question, proven)))
    }
  }
  const heads = ['ms for one verdict', 'cold median', 'least', 'p99', 'warm median', 'least', 'p99']
  const rows = all.map(({ name, cold, warm }) => [name, ...figures(cold), ...figures(warm)])
  console.log(table([heads, ...rows, ...floors.map(({ name, times }) => [name, ...figures(times)])]))
  const of = (which: 'cold' | 'warm') =>
    median(all.filter(({ name }) => name.startsWith('snp/')).flatMap((each) => each[which]))
  console.log(verdict('SEV-SNP verdict, cold', of('cold'), goals.cold, 'at most', ' ms'))
  console.log(verdict('SEV-SNP verdict, warm', of('warm'), goals.warm, 'at most', ' ms'))
}

/** Milliseconds of each verdict, one after another. */
async function spent(asked: Question, proven: Proven | undefined): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < batch; i++) {
    const before = performance.now()
    const { kind } = await judge({ ...asked, proven })
    times.push(performance.now() - before)
    if (kind !== asked.evidence.kind) throw new Error('another verdict than asked for')
  }
  return times
}

type Floor = {
  readonly name: string
  readonly scheme: 'ecdsa-p384' | 'ecdsa-p256'
  readonly engine: Engine
  readonly times: number[]
}

function signatures(): readonly Floor[] {
  const engines = [
    ['as Node verifies it', bestEngine()],
    ['by WebCrypto', webEngine],
  ] as const
  return (['ecdsa-p384', 'ecdsa-p256'] as const).flatMap((scheme) =>
    engines.map(([how, engine]) => ({
      name: `one ${schemes[scheme].curve} signature ${how}`,
      scheme,
      engine,
      times: [],
    })),
  )
}

async function bare({ scheme, engine }: Floor): Promise<number[]> {
  const { curve, digest } = schemes[scheme]
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const message = new Uint8Array(0x2a0)
  const signature = Uint8Array.from(sign(digest, message, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
  const key = await engine(scheme, Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })))
  const times: number[] = []
  for (let i = 0; i < batch; i++) {
    const before = performance.now()
    if (!(await key.verifies(signature, message))) throw new Error('not our own signature')
    times.push(performance.now() - before)
  }
  return times
}

function figures(times: readonly number[]): string[] {
  return [median(times), Math.min(...times), percentile(times, 0.99)].map((ms) => ms.toFixed(2))
}
