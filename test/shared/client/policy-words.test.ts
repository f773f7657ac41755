/** Releasers are told that what they sign is what clients accept: so no rule of a policy may be missing from its words. */
import { describe, expect, test } from 'vitest'
import type { PolicyFields } from '../../../shared/attestation/policy-fields.ts'
import { strictCrl, strictSnp } from '../../../shared/attestation/sev-snp/policy.ts'
import { strictTdx } from '../../../shared/attestation/tdx/policy.ts'
import { policyConcerns, policyRows } from '../../../shared/client/commands/policy-words.ts'

const day = 86_400_000
const hexOf = (octet: string, length: number): string => octet.repeat(length)
const registers = (octet: string) =>
  [0, 1, 2, 3].map((n) => hexOf(`${octet}${n}`, 48)) as [string, string, string, string]

/** Something in every place, so that every place can be changed. */
const full: PolicyFields = {
  version: 1,
  serial: 42,
  notBefore: day,
  notAfter: 6 * day,
  role: 'summariser',
  snp: {
    ...strictSnp,
    minTcb: { Genoa: { bl: 10, tee: 0, snp: 27, ucodeByModel: new Map([[0x11, 88]]) } },
    minLaunchTcb: { Turin: { fmc: 1, bl: 9, tee: 0, snp: 3, ucodeByModel: new Map([[0x02, 80]]) } },
    minFw: { Genoa: { major: 1, minor: 55, build: 49 } },
    requireMit: { Genoa: 0x0bn },
    chips: { mode: 'allowlist', sha256: [hexOf('c1', 32)] },
    measurements: [
      { digest: hexOf('a1', 48), minGuestSvn: 3, notAfter: 5 * day, hostData: hexOf('a2', 32), build: hexOf('a3', 32) },
    ],
    deny: [hexOf('d1', 48)],
    idKeys: [hexOf('e1', 48)],
    authorKeys: [hexOf('e2', 48)],
    familyId: hexOf('e3', 16),
    imageId: hexOf('e4', 16),
  },
  tdx: {
    ...strictTdx,
    advisoriesAllowed: ['INTEL-SA-00001'],
    mrtd: [
      {
        digest: hexOf('b1', 48),
        notAfter: 5 * day,
        rtmr: registers('7'),
        mrConfigId: hexOf('b2', 48),
        build: hexOf('b3', 32),
      },
    ],
    rtmr: [registers('8')],
    deny: [hexOf('b4', 48)],
    mrSeam: [hexOf('b5', 48)],
    chips: { mode: 'allowlist', sha256: [hexOf('b6', 32)] },
  },
  collateral: { ...strictCrl, crlMaxAge: 90 * day, minCrlNumber: { Genoa: 4 } },
  log: { maxCosignatureAge: 26 * 3_600_000 },
  binding: { kinds: [1, 2], maxKeyLife: day, maxConnAge: 3_600_000, nonceTtl: 60_000 },
  clockSkew: 120_000,
}

type Changed = { readonly path: string; readonly value: unknown }

/** The value with one leaf changed, for each leaf. */
function* changes(value: unknown, path: string): Generator<Changed> {
  if (value instanceof Map) {
    for (const one of changes([...(value as ReadonlyMap<unknown, unknown>)], path))
      yield { ...one, value: new Map(one.value as [number, number][]) }
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value) as [string, unknown][]) {
      for (const { path: deeper, value: changed } of changes(inner, `${path}.${key}`)) {
        const copy: object = Array.isArray(value) ? Array.from(value as unknown[]) : { ...value }
        yield { path: deeper, value: Object.assign(copy, { [key]: changed }) }
      }
    }
  } else yield { path, value: other(value) }
}

function other(leaf: unknown): unknown {
  if (typeof leaf === 'number') return leaf < 2 ? 1 - leaf : leaf + (leaf % 1000 === 0 ? 1000 : 1)
  if (typeof leaf === 'bigint') return leaf + 1n
  if (typeof leaf === 'boolean') return !leaf
  return typeof leaf === 'string' ? `${leaf}~` : 1
}

const words = (policy: PolicyFields): string => JSON.stringify(policyRows(policy))
// A version has no words: another one is another format, which is not read at all.
const all = [...changes(full, 'policy')].filter(({ path }) => path !== 'policy.version')

test('there is a change for each place of a full policy', () => {
  expect(all.length).toBeGreaterThan(90)
  expect(all.map(({ path }) => path)).toContain('policy.tdx.mrtd.0.rtmr.2')
})

test.each(all)('$path changes the words', ({ value }) => {
  expect(words(value as PolicyFields)).not.toBe(words(full))
})

describe('what signers should have meant', () => {
  const concerns = (changed: object): string => {
    const policy = { ...full, tdx: { ...strictTdx, ...full.tdx, ...changed } }
    return policyConcerns(policy as PolicyFields, 0).filter((one) => one.includes('tdx')).join('\n') // prettier-ignore
  }
  test.each([
    ['no image', { mrtd: [] }, 'policy.tdx.mrtd is empty'],
    ['a machine that is out of date', { statuses: ['UpToDate', 'OutOfDate'] }, 'policy.tdx.statuses has OutOfDate'],
    [
      'a guest open to its host',
      { attributes: { ...strictTdx.attributes, debug: null } },
      'policy.tdx.attributes.debug',
    ],
    ['an image that is denied', { deny: [hexOf('b1', 48)] }, 'policy.tdx.mrtd[0] is in policy.tdx.deny'],
    ['no platform', { chips: { mode: 'allowlist', sha256: [] } }, 'policy.tdx.chips.sha256 is empty'],
  ])('%s', (_, changed, said) => {
    expect(concerns(changed)).toContain(said)
    expect(concerns({})).not.toContain(said)
  })
})
