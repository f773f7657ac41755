/** What a machine's own report says of its settings, and machines that cannot give one. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Bytes, concat, hex, utf8 } from '../../../../shared/bytes.ts'
import type { EvidenceKind } from '../../../../shared/attestation/evidence.ts'
import { aboutNobody, checkMeasured, readOwnReport } from '../../../../gateway/cvm/own-report.ts'
import { checkTsmThere, type PlaceOptions } from '../../../../gateway/cvm/tsm-there.ts'
import { tsmEvidence } from '../../../../gateway/cvm/tsm.ts'
import { of, read, there } from '../../../shared/attestation/manifest.ts'
import { codeOf } from '../../../shared/tlog/code-of.ts'
import { binding, forged, forgedTd } from './forged.ts'
import { inProcess } from './trees.ts'

const evidence = (kind: EvidenceKind, report: Bytes) => ({ kind, report, endorsements: [], collateral: null })

describe.skipIf(!there)('real evidence', () => {
  test.each(of('tdx-quote', 'tdx/'))('%s: bytes and settings lie where the manifest has them', (file, { fields }) => {
    const { reportData, configuration } = readOwnReport(evidence('tdx', read(file)))
    expect([hex(reportData), hex(configuration)]).toEqual([fields['reportData'], fields['mrConfigId']])
  })

  test.each(of('snp-report', 'snp/'))('%s: the same for SEV-SNP', (file, { fields }) => {
    const { reportData, configuration } = readOwnReport(evidence('sev-snp', read(file)))
    expect([hex(reportData), hex(configuration)]).toEqual([fields['reportData'], fields['hostData']])
  })
})

describe('settings', () => {
  const settings = utf8('{"role":"app"}')
  const digest = createHash('sha256').update(settings).digest()
  const padded = concat(digest, new Uint8Array(16))

  async function own(kind: 'sev-snp' | 'tdx', configuration: Uint8Array) {
    const machine = (kind === 'tdx' ? forgedTd(configuration) : forged({}, configuration)).chip
    const tree = await inProcess(machine)
    if (kind === 'tdx') await tree.behave({ provider: 'tdx_guest' })
    return tsmEvidence({ kind, root: tree.root, files: tree.files }).evidence(aboutNobody('app'))
  }

  test.each([
    ['sev-snp', digest],
    ['tdx', padded],
  ] as const)('%s: those that the machine was started with are taken, and no others', async (kind, configuration) => {
    const report = await own(kind, configuration)
    checkMeasured(settings, report)
    expect(await codeOf(() => checkMeasured(utf8('{"role":"app"}\n'), report))).toBe('unmeasured-configuration')
  })

  test.each([
    ['sev-snp', new Uint8Array(32)],
    ['tdx', new Uint8Array(48)],
    ['tdx', concat(digest, new Uint8Array(15), Uint8Array.of(1))],
  ] as const)('%s: a machine started with other settings, or none, is refused', async (kind, configuration) => {
    const report = await own(kind, configuration)
    expect(await codeOf(() => checkMeasured(settings, report))).toBe('unmeasured-configuration')
  })

  test('simulated evidence measures nothing', () => {
    checkMeasured(settings, evidence('simulated', new Uint8Array()))
    expect(() => readOwnReport(evidence('simulated', new Uint8Array()))).toThrow(TypeError)
  })

  test('what looks at oneself speaks of no key and no connection, and never twice the same', () => {
    const [one, other] = [aboutNobody('app'), aboutNobody('app')]
    expect(one.kind).toBe(binding.kind)
    for (const name of ['spki_sha256', 'nonce', 'exporter'] as const) {
      expect(one[name]).toHaveLength(32)
      expect(hex(one[name])).not.toBe(hex(other[name]))
    }
  })

  test.each(['sev-snp', 'tdx'] as const)('%s: what is cut short is no report', async (kind) => {
    const { report } = await own(kind, kind === 'tdx' ? padded : digest)
    expect(await codeOf(() => readOwnReport(evidence(kind, report.slice(0, -1))))).toBe('bad-evidence')
  })
})

describe('a machine that cannot give reports says why, and what to do', () => {
  /** Folders and files of a system, below one of our own. */
  function system(paths: readonly string[]): (path: string) => string {
    const base = mkdtempSync(join(tmpdir(), 'asunder-system-'))
    onTestFinished(() => rmSync(base, { recursive: true }))
    for (const path of paths) {
      mkdirSync(dirname(join(base, path)), { recursive: true })
      writeFileSync(join(base, path), '')
    }
    return (path) => join(base, path)
  }

  const cases: [string, string[], Partial<PlaceOptions>, string][] = [
    ['another system', [], { system: 'darwin' }, 'darwin has no configfs-tsm; run this inside a Linux CVM, kernel 6.7'],
    [
      'configfs not mounted, or a container without it',
      [],
      {},
      'configfs is not mounted. On the machine: mount -t configfs',
    ],
    ['an old kernel on AMD', ['config/x', 'dev/sev-guest'], {}, 'has /dev/sev-guest but not'],
    [
      'an old kernel on Intel',
      ['config/x', 'dev/tdx_guest'],
      { kind: 'tdx' },
      'Use Linux 6.7 or later with CONFIG_TSM',
    ],
    ['no CVM', ['config/x'], { kind: 'tdx' }, 'Is this a tdx CVM? Then load its driver: modprobe tdx-guest'],
    ['a driver of the other kind', ['config/x', 'dev/tdx_guest'], {}, 'modprobe sev-guest'],
  ]
  test.each(cases)('%s', (_what, paths, options, says) => {
    const at = system(paths)
    const place = { configfs: at('config'), devices: at('dev'), root: at('config/tsm/report') }
    const look = () => checkTsmThere({ kind: 'sev-snp', system: 'linux', ...place, ...options })
    expect(look).toThrow(says)
    expect(look).toThrow(expect.objectContaining({ code: 'platform-unsupported' }) as Error)
  })

  test('one that can says nothing', () => {
    const at = system(['config/tsm/report/x'])
    checkTsmThere({ kind: 'tdx', system: 'linux', configfs: at('config'), root: at('config/tsm/report') })
  })
})
