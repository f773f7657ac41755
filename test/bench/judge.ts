/**
 * What a verdict on SEV-SNP evidence costs: cold, with every signature of the chain verified, and warm, where chain and
 * list were verified before and only the report's signature is new. That signature alone, P-384 through WebCrypto, is
 * the floor of both and stands beside them. Real evidence from ../shared (or $SHARED_DIR).
 * Prints; asserts verdicts, never timings. Run: node test/bench/judge.ts [rounds]
 */
import { judge, type Question } from '../../shared/attestation/judge.ts'
import { Proven } from '../../shared/attestation/proven.ts'
import { there } from '../shared/attestation/manifest.ts'
import { question, whole } from '../shared/attestation/sev-snp/real.ts'
import { median, percentile, table, verdict } from './measure.ts'

const goals = { cold: 2, warm: 1 }
const batch = 50
const rounds = Number(process.argv[2] ?? 5)

if (there) await compare()

async function compare(): Promise<void> {
  const subjects = whole.map(([file, entry]) => ({
    file,
    question: question(entry),
    cold: [] as number[],
    warm: [] as number[],
  }))
  const proven = new Proven()
  const floor: number[] = []
  for (const each of subjects) await spent(each.question, proven)
  for (let round = 0; round < rounds; round++) {
    floor.push(...(await bareSignatures()))
    for (const each of subjects) {
      each.cold.push(...(await spent(each.question, undefined)))
      each.warm.push(...(await spent(each.question, proven)))
    }
  }
  const rows = subjects.map(({ file, cold, warm }) => [file, ...figures(cold), ...figures(warm)])
  const heads = ['ms for one verdict', 'cold median', 'least', 'p99', 'warm median', 'least', 'p99']
  console.log(table([heads, ...rows, ['one P-384 signature', ...figures(floor)]]))
  const all = (which: 'cold' | 'warm') => median(subjects.flatMap((each) => each[which]))
  console.log(verdict('SEV-SNP verdict, cold', all('cold'), goals.cold, 'at most', ' ms'))
  console.log(verdict('SEV-SNP verdict, warm', all('warm'), goals.warm, 'at most', ' ms'))
}

/** Milliseconds of each verdict, one after another. */
async function spent(asked: Question, proven: Proven | undefined): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < batch; i++) {
    const before = performance.now()
    const { kind } = await judge({ ...asked, proven })
    times.push(performance.now() - before)
    if (kind !== 'sev-snp') throw new Error('another verdict than asked for')
  }
  return times
}

async function bareSignatures(): Promise<number[]> {
  const curve = { name: 'ECDSA', namedCurve: 'P-384' }
  const way = { name: 'ECDSA', hash: 'SHA-384' }
  const { publicKey, privateKey } = await crypto.subtle.generateKey(curve, false, ['sign', 'verify'])
  const message = new Uint8Array(0x2a0)
  const signature = await crypto.subtle.sign(way, privateKey, message)
  const times: number[] = []
  for (let i = 0; i < batch; i++) {
    const before = performance.now()
    if (!(await crypto.subtle.verify(way, publicKey, signature, message))) throw new Error('not our own signature')
    times.push(performance.now() - before)
  }
  return times
}

function figures(times: readonly number[]): string[] {
  return [median(times), Math.min(...times), percentile(times, 0.99)].map((ms) => ms.toFixed(2))
}
