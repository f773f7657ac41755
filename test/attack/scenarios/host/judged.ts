/** H07-H09, H11: genuine formats that say what they should not. attestation.md a.6, attestation-negatives.md (TOB-WAPI-7, -8, -17). */
import type { Question } from '../../../../shared/attestation/verdict.ts'
import { ask as askSnp, tcb } from '../../../shared/attestation/sev-snp/forge.ts'
import { ask as askTdx } from '../../../shared/attestation/tdx/forge.ts'
import { blocked, exposed, everywhere, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { demand } from '../common.ts'

const onJudge = {
  ...everywhere,
  severity: 8,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['gateway', 'client'],
  quick: true,
  control: flawlessPasses,
} as const
const given = 'a host with a real chip, real certificates and no scruples (forged here under test roots)'
const guestPolicy = (bit: bigint): bigint => 0x2_0000n | (1n << bit)

type Case = readonly [what: string, question: () => Question]

const cases: Readonly<Record<'H07' | 'H08' | 'H09' | 'H11', readonly Case[]>> = {
  H07: [0, 1, 6, 7].map((index): Case => [
    `byte ${index} of the reported TCB raised above the certificate’s`,
    () => askSnp({ report: { reportedTcb: tcb.Genoa.with(index, (tcb.Genoa[index] ?? 0) + 1) } }),
  ]),
  H08: [
    ['SEV-SNP with DEBUG', () => askSnp({ report: { policy: guestPolicy(19n) } })],
    ['SEV-SNP with a migration agent', () => askSnp({ report: { policy: guestPolicy(18n) } })],
    ['TDX with DEBUG', () => askTdx({ body: { tdAttributes: 0x1000_0001n } })],
  ],
  H09: [
    [
      'a chip that is not in the list',
      () => askSnp({ snp: { chips: { mode: 'allowlist', sha256: ['00'.repeat(32)] } } }),
    ],
    [
      'committed TCB below the floor',
      () => askSnp({ report: { committedTcb: tcb.Genoa.with(6, 1), currentTcb: tcb.Genoa.with(6, 1) } }),
    ],
    ['a revoked ASK', () => askSnp({ crl: { revoked: [Uint8Array.of(2, 0, 2)] } })],
    ['no revocation list', () => askSnp({ endorse: (given) => given.slice(0, 3) })],
    ['lists of two years ago', () => askSnp({ now: Date.parse('2031-01-01T00:00:00Z') })],
  ],
  H11: [
    ['RTMR0 (tables and devices) of another start', () => askTdx({ body: { rtmr0: new Uint8Array(48).fill(9) } })],
    ['RTMR1 (kernel) of another start', () => askTdx({ body: { rtmr1: new Uint8Array(48).fill(9) } })],
    ['HOST_DATA of other settings', () => askSnp({ report: { hostData: new Uint8Array(32).fill(7) } })],
  ],
}

export const judgedScenarios: readonly Scenario[] = [
  {
    ...onJudge,
    id: 'H07',
    title: 'a firmware level that only the report claims',
    given,
    does: 'reports a patched TCB while the chip’s certificate says an older one',
    shows: 'the certificate wins: refused',
    attack: (stage) => refusedAll(stage, cases.H07),
  },
  {
    ...onJudge,
    id: 'H08',
    title: 'a guest that may be debugged or migrated',
    given,
    does: 'starts the released image with DEBUG or a migration agent allowed',
    shows: 'refused, on both vendors’ machines',
    attack: (stage) => refusedAll(stage, cases.H08),
  },
  {
    ...onJudge,
    id: 'H09',
    title: 'a chip or a level that was withdrawn',
    given,
    does: 'uses a chip outside the list, firmware below the floor, a revoked issuer, no list, and a list of long ago',
    shows: 'refused each time: missing or stale lists are no reason to go on',
    attack: (stage) => refusedAll(stage, cases.H09),
  },
  {
    ...onJudge,
    id: 'H11',
    title: 'what was loaded before the image',
    given,
    does: 'changes tables and devices (RTMR0), the kernel (RTMR1), the settings (HOST_DATA)',
    shows: 'all of them are part of the identity that the policy names: refused',
    attack: (stage) => refusedAll(stage, cases.H11),
  },
]

async function flawlessPasses({ subject }: Stage): Promise<void> {
  for (const question of [askSnp(), askTdx()]) {
    await subject.judge(question).catch((cause: unknown) => demand(false, `flawless evidence passes: ${codeOf(cause)}`))
  }
}

async function refusedAll({ subject }: Stage, some: readonly Case[]): Promise<Finding> {
  const codes: string[] = []
  for (const [what, question] of some) {
    const code = await subject.judge(question()).then(
      () => undefined,
      (cause: unknown) => codeOf(cause),
    )
    if (code === undefined) return exposed(`believed: ${what}`)
    codes.push(code)
  }
  return blocked(codes.join(', '))
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
}
