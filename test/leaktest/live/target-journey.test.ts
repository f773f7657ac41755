/**
 * `leaktest --target pair.json` as its user meets it: against our own pair, of which it is told no more than the key list,
 * and against an nginx that somebody put in front of our gateway.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../shared/upstream/free-port.ts'
import { readReport, type Report } from '../report/schema.ts'
import { nginxPath, startNginxRelay } from './nginx-relay.ts'
import { startLivePair, type LivePair } from './pair.ts'

const folder = mkdtempSync(join(tmpdir(), 'target-journey-'))
let pair: LivePair
beforeAll(async () => {
  pair = await startLivePair({ connections: 64, links: 24 })
}, 60_000)
afterAll(async () => {
  await pair.stop()
  rmSync(folder, { recursive: true, force: true })
})

type Ended = { readonly code: number | null; readonly out: string; readonly err: string; readonly report: Report }

/** A run against the pair that the file tells of. */
async function against(file: object, ...args: string[]): Promise<Ended> {
  const path = join(folder, 'pair.json')
  const out = join(folder, 'out')
  rmSync(out, { recursive: true, force: true })
  writeFileSync(
    path,
    JSON.stringify({ name: 'theirs', resource: 'https://app.asunder.example/', ca: 'ca.pem', ...file }),
  )
  const main = join(import.meta.dirname, '../main.ts')
  const options = ['--quick', '--level', '1', '--target', path, '--out', out, ...args]
  const env = { PATH: process.env['PATH'], TMPDIR: folder, NO_COLOR: '1' }
  const flags = ['--disable-warning=ExperimentalWarning', main, ...options]
  const child = spawn(process.execPath, flags, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const heard = { out: '', err: '' }
  child.stdout.on('data', (part: Buffer) => (heard.out += part.toString()))
  child.stderr.on('data', (part: Buffer) => (heard.err += part.toString()))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const written = join(out, 'report.json')
  return {
    code,
    ...heard,
    report: existsSync(written) ? readReport(readFileSync(written, 'utf8')) : (undefined as never),
  }
}

function at(port: number): { readonly relay: string; readonly keys: string } {
  const origin = `https://127.0.0.1:${String(port)}`
  return { relay: `${origin}/`, keys: `${origin}/.well-known/ohttp-gateway` }
}

function failed({ tests }: Report): string[] {
  return tests.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id)
}

function verdicts({ matrix }: Report, party: string): Set<string> {
  return new Set(matrix.filter((cell) => cell.party === party).map(({ verdict }) => verdict))
}

describe('our own pair, met with its key list alone', { timeout: 120_000 }, () => {
  let ended: Ended
  beforeAll(async () => {
    writeFileSync(join(folder, 'ca.pem'), pair.ca)
    ended = await against(at(pair.port))
  }, 120_000)

  test('passes where somebody could look, and exits with 0', () => {
    expect(ended.code, ended.err + ended.out).toBe(0)
    expect(ended.report.run.subject).toBe('theirs')
    expect(ended.report.tests.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['canary.NC', 'oracles.relay', 'keys.consistency']),
    )
  })

  test('says of whom nobody could see anything, and judges nothing of theirs', () => {
    expect(verdicts(ended.report, 'NR')).toEqual(new Set(['absent']))
    expect(verdicts(ended.report, 'G')).toEqual(new Set(['absent']))
    expect(ended.out).toContain('nobody watched MR, NR, G, MG, H, V, K, I, A, DNS: empty cells say nothing')
    expect(ended.report.limits.at(-1)).toMatch(/^Nobody watched MR .*NR \(network between relay and gateway\)/)
    const ids = ended.report.tests.map(({ id }) => id)
    expect(ids.filter((id) => /^(logs\.(lines|values)|metrics|heads\.upstream|connections)/.test(id))).toEqual([])
  })
})

if (!existsSync(nginxPath)) process.stderr.write(`skipped: no ${nginxPath} to be a relay of another hand\n`)

describe.skipIf(!existsSync(nginxPath))('an nginx in front of our gateway', { timeout: 120_000 }, () => {
  /** With a tap behind it, and the secrets of that link from the gateway's operator. */
  const through = async (adds: string, tests: string): Promise<Ended> => {
    const [port, listen] = [await freePort(), await freePort()]
    const stop = await startNginxRelay(pair, { folder, port, gatewayPort: listen, adds })
    const secrets = [join(pair.folder, 'tls-secrets.log')]
    const link = { listen, host: '127.0.0.1', port: pair.gateway.port, secrets }
    try {
      return await against({ ...at(port), link }, '--tests', tests)
    } finally {
      await stop()
    }
  }

  test('that passes nothing on is found to open connections as clients come, and nothing else', async () => {
    const { code, report, out, err } = await through('', 'canary,heads,tls,size,oracles,connections')
    expect([code, failed(report)], err + out).toEqual([1, ['connections.arrivals']])
    const cell = (field: string, party: string): string | undefined =>
      report.matrix.find((each) => each.field === field && each.party === party)?.verdict
    expect([cell('F01', 'G'), cell('F06', 'G'), cell('F08', 'NR'), cell('F29', 'G')]).toEqual([
      ...['clear', 'clear', 'violation', 'not-observable'],
    ])
    expect(report.matrix.filter(({ verdict }) => verdict === 'blind')).toEqual([])
  })

  test('that adds X-Forwarded-For is found to, at the tapped link, and which field it is', async () => {
    const leaky = await through('proxy_set_header X-Forwarded-For $remote_addr;', 'canary.G,heads.upstream')
    expect([leaky.code, failed(leaky.report)], leaky.err + leaky.out).toEqual([1, ['canary.G', 'heads.upstream']])
    const found = leaky.report.tests.flatMap(({ found: lines }) => lines).join('\n')
    expect(found).toMatch(/F01 wire: link B, connection \d+: c\d+\.ip/)
    expect(found).toMatch(/x-forwarded-for: 127\./i)
  })

  test('whose gateway is not there gives no list of keys, and the run proves nothing', async () => {
    const [port, nobody] = [await freePort(), await freePort()]
    const stop = await startNginxRelay(pair, { folder, port, gatewayPort: nobody })
    const { code, err } = await against(at(port)).finally(stop)
    expect([code, err]).toEqual([2, expect.stringContaining('ohttp-gateway answers 502 and no list of keys')])
  })
})

test.each([
  ['no member for the relay', { keys: 'https://relay.example/k' }, /--target: relay/],
  ['a link without a host', { ...at(1), link: { listen: 9000, port: 1 } }, /--target: link\.host/],
])('a file with %s is called wrongly: it exits with 3', async (_, file, says) => {
  const { code, err } = await against(file)
  expect([code, err]).toEqual([3, expect.stringMatching(says)])
})
