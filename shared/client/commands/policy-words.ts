/** A policy in words: what it lets in and what it keeps out, line by line, so that two can be compared. attestation.md d.1. */
import { policyLimits, type PolicyFields } from '../../attestation/policy-fields.ts'
import { anchorAges } from '../../attestation/logged.ts'
import { revocationBounds } from '../../attestation/revocation.ts'
import { strictSnp, type Measurement, type SnpPolicy } from '../../attestation/sev-snp/policy.ts'
import { productNames, type Product } from '../../attestation/sev-snp/products.ts'
import type { TcbFloor } from '../../attestation/sev-snp/tcb.ts'
import { timeText } from '../../tlog/json-fields.ts'
import { durationText, type Row } from './output.ts'
import { boundRows, chipRows, keptOut, type Concern } from './policy-lines.ts'
import { tdxConcerns, tdxRows } from './policy-tdx-words.ts'

export function policyRows(policy: PolicyFields): readonly Row[] {
  const { serial, role, notBefore, notAfter, snp, tdx, log, binding, clockSkew } = policy
  const { fresh, stale } = { ...anchorAges, fresh: log.maxCosignatureAge }
  return [
    ['policy', `serial ${serial}, for ${role}`],
    ['valid', `${timeText(notBefore)} to ${timeText(notAfter)}`],
    ...(snp === undefined ? [keptOut('SEV-SNP', 'no section of it')] : snpRows(snp)),
    ...(tdx === undefined ? [keptOut('TDX', 'no section of it')] : tdxRows(tdx)),
    ['revocation', `a vendor's list ${ageWords(policy)}, ${graceWords(policy)}`],
    ['revocation', `Intel's ratings at most ${durationText(policy.collateral.tdxMaxAge)} old`],
    ...Object.entries(policy.collateral.minCrlNumber).map(([product, number]): Row => [
      'revocation',
      `${product}: list number ${number} or higher`,
    ]),
    ['anchors', `fresh for ${durationText(fresh)}, then stale for ${durationText(stale)}, then kept out`],
    [
      'keys',
      `evidence of kind ${binding.kinds.join(', ') || 'none'}; a key lives ${durationText(binding.maxKeyLife)} at most`,
    ],
    [
      'connections',
      `judged again after ${durationText(binding.maxConnAge)}; a nonce counts for ${durationText(binding.nonceTtl)}`,
    ],
    ['clocks', `may differ by ${durationText(clockSkew)}`],
    [
      'taken back',
      `no client obeys it for more than ${durationText(revocationBounds.hidden)} after a newer one, whoever hides that`,
    ],
  ]
}

/** What signers should have meant. Nothing here is refused. */
export function policyConcerns({ snp, tdx, notBefore, notAfter }: PolicyFields, now: number): readonly string[] {
  const concerns: readonly Concern[] = [
    [
      notAfter - notBefore < policyLimits.life / 7,
      'it lives for less than a day: will the next one be signed in time?',
    ],
    [snp === undefined && tdx === undefined, 'it has no snp and no tdx section: no evidence of hardware is let in'],
    ...(snp === undefined ? [] : snpConcerns(snp, now)),
    ...(tdx === undefined ? [] : tdxConcerns(tdx, now)),
  ]
  return concerns.filter(([holds]) => holds).map(([, words]) => words)
}

function snpConcerns(snp: SnpPolicy, now: number): readonly Concern[] {
  const { measurements, chips, minTcb, products, deny } = snp
  return [
    [measurements.length === 0, 'policy.snp.measurements is empty: no image is let in'],
    [chips.mode === 'allowlist' && chips.sha256.length === 0, 'policy.snp.chips.sha256 is empty: no machine is let in'],
    ...measurements.flatMap(({ digest, notAfter }, at): readonly Concern[] => [
      [now >= notAfter, `policy.snp.measurements[${at}] ended: ask for its next release or take it out`],
      [deny.includes(digest), `policy.snp.measurements[${at}] is in policy.snp.deny: it is refused`],
    ]),
    ...products.map((product) => {
      return [
        minTcb[product] === undefined,
        `policy.snp.minTcb has no floor for ${product}: any genuine firmware will do`,
      ] as const
    }),
    [products.includes('Milan'), 'policy.snp.products has Milan, whose chip secrets can be drawn out by software'],
    [snp.allowVlek, 'policy.snp.allowVlek: a provider key names no chip'],
    ...(['debug', 'migrateMa', 'smt', 'cxl'] as const).map((rule) => {
      return [snp.guestPolicy[rule] !== 0, `policy.snp.guestPolicy.${rule} is not 0`] as const
    }),
    [snp.platform.smt !== 0, 'policy.snp.platform.smt is not 0: others may share a core with the guest'],
    [snp.platform.aliasCheck !== 1, 'policy.snp.platform.aliasCheck is not 1: memory may be aliased (CVE-2024-21944)'],
  ]
}

function snpRows(snp: SnpPolicy): readonly Row[] {
  const out = productNames.filter((product) => !snp.products.includes(product))
  return [
    ['processors', `${snp.products.join(', ') || 'none'}${out.length === 0 ? '' : `; kept out: ${out.join(', ')}`}`],
    ['reports', `versions ${snp.reportVersions.join(', ')}, asked for at VMPL ${snp.vmpl.join(', ')}`],
    [
      'report key',
      snp.allowVlek
        ? "the chip's key, or a provider's, which names no chip"
        : "the chip's own key; providers' keys are kept out",
    ],
    ...snp.products.flatMap((product) => firmwareRows(product, snp)),
    ['firmware', snp.allowProvisional ? 'may be provisional' : 'provisional is kept out'],
    ...boundRows('guest', snp.guestPolicy),
    ...boundRows('platform', snp.platform),
    ['settings', `HOST_DATA ${snp.hostData}`],
    ['machines', `at least ${snp.minCvms} CVM(s) on ${snp.minChips} chip(s)`],
    ...chipRows('chips', snp.chips),
    ...snp.measurements.map(imageRow),
    ...(snp.measurements.length === 0 ? [keptOut('images', 'all, none is listed')] : []),
    ...snp.deny.map((digest): Row => ['denied', digest]),
    ...(['idKeys', 'authorKeys', 'familyId', 'imageId'] as const).flatMap((name): readonly Row[] => {
      const demanded = snp[name]
      return demanded === strictSnp[name]
        ? []
        : [['launch', `${name}: ${[demanded ?? []].flat().join(', ') || 'none'}`]]
    }),
  ]
}

function firmwareRows(product: Product, { minTcb, minLaunchTcb, minFw, requireMit }: SnpPolicy): readonly Row[] {
  const bits = requireMit[product]
  const version = minFw[product]
  const parts = [
    floorWords('at least', minTcb[product]),
    minLaunchTcb[product] && floorWords('at launch', minLaunchTcb[product]),
    version && `version ${version.major}.${version.minor}.${version.build}`,
    bits === undefined ? undefined : `mitigations 0x${bits.toString(16)}`,
  ]
  return [['firmware', `${product}: ${parts.filter((part) => part !== undefined).join('; ')}`]]
}

function floorWords(when: string, floor: TcbFloor | undefined): string {
  if (floor === undefined) return 'no floor'
  const { ucodeByModel, ...counters } = floor
  const models = [...(ucodeByModel ?? [])].map(([model, count]) => `ucode ${count} on model 0x${model.toString(16)}`)
  return `${when} ${[...Object.entries(counters).map((pair) => pair.join(' ')), ...models].join(', ')}`
}

function imageRow({ digest, minGuestSvn, notAfter, hostData, build }: Measurement): Row {
  const settings = hostData === undefined ? '' : `, with HOST_DATA ${hostData}`
  return [
    'images',
    `${digest} until ${timeText(notAfter)}, version ${minGuestSvn} or higher, of build ${build ?? '?'}${settings}`,
  ]
}

function ageWords({ collateral: { crlMaxAge } }: PolicyFields): string {
  return crlMaxAge === Infinity ? 'of any age' : `at most ${durationText(crlMaxAge)} old`
}

function graceWords({ collateral }: PolicyFields): string {
  return collateral.crlGrace === 0 ? 'never past its end' : `up to ${durationText(collateral.crlGrace)} past its end`
}
