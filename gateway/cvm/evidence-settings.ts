/** The part of the agent's settings that says where evidence comes from; the reporter reads the same file. trust.md 4. */
import { Refusal } from '../../shared/refusal.ts'
import { evidenceKinds } from '../../shared/attestation/evidence.ts'
import { type At, integerOf, textOf, wordOf } from '../../shared/tlog/json-fields.ts'
import { optionsOf, type Readers } from '../../shared/tlog/json-options.ts'
import type { HardwareKind } from './own-report.ts'

export type SimulatedSettings = { readonly kind: 'simulated'; readonly platform: string; readonly life: number }

export type HardwareSettings = {
  readonly kind: HardwareKind
  readonly reporter: string
  readonly tsm: string
  readonly privlevel: number | null
  readonly reports: { readonly links: number; readonly keys: number }
  readonly endorsements: { readonly from: string; readonly ca: string | null; readonly refresh: number }
}

export type EvidenceSettings = SimulatedSettings | HardwareSettings

/** What `--help` says. */
export const evidenceSettings: readonly (readonly [name: string, says: string])[] = [
  ['evidence.kind', '"sev-snp", "tdx", or for development "simulated"'],
  ['evidence.platform', 'simulated: path of the platform; without the file there is no evidence'],
  ['evidence.life', 'simulated: milliseconds that one report is good for'],
  ['evidence.reporter', "path of the reporter's Unix socket, in a folder (0700) of the agent's user"],
  ['evidence.tsm', 'path of configfs-tsm: /sys/kernel/config/tsm/report'],
  ['evidence.privlevel', 'sev-snp: the VMPL that reports are asked for, or null for the kernel to choose; tdx: null'],
  ['evidence.reports.links', 'reports a minute for connections of gateways'],
  ['evidence.reports.keys', 'reports a minute for keys, which connections cannot take'],
  [
    'evidence.endorsements.from',
    'certificates and revocation list (tdx: collateral): a path, or an https address of yours',
  ],
  ['evidence.endorsements.ca', 'path of the PEM authority of that address, or null for the public ones'],
  ['evidence.endorsements.refresh', 'milliseconds between two looks there'],
]

/** Throws Refusal `bad-encoding` that names the setting; of several, `refusalsOf` gives each. */
export function readEvidenceSettings(from: At): EvidenceSettings {
  const { value } = from
  const kind = (value as { kind?: unknown } | null)?.kind
  if (kind === 'sev-snp' || kind === 'tdx') return readHardware(from, kind)
  return exactly<SimulatedSettings>(from, {
    kind: (kind) => {
      wordOf(kind, evidenceKinds)
      return 'simulated'
    },
    platform: filled,
    life: (life) => integerOf(life, 1000),
  })
}

function readHardware(from: At, kind: HardwareKind): HardwareSettings {
  const perMinute = (count: At): number => integerOf(count, 1, 60_000)
  return exactly<HardwareSettings>(from, {
    kind: () => kind,
    reporter: filled,
    tsm: filled,
    privlevel: (level) => levelOf(level, kind),
    reports: (reports) => exactly(reports, { links: perMinute, keys: perMinute }),
    endorsements: (endorsements) =>
      exactly<HardwareSettings['endorsements']>(endorsements, {
        from: placeOf,
        ca: (ca) => (ca.value === null ? null : filled(ca)),
        refresh: (refresh) => integerOf(refresh, 1_000, 86_400_000),
      }),
  })
}

/** An object with exactly these keys; every mistake in it is told. */
export function exactly<T extends object>(from: At, readers: Readers<T>): T {
  return optionsOf<T>(from, readers, {})
}

/** TDX has no levels to choose from. */
function levelOf(from: At, kind: HardwareKind): number | null {
  if (from.value === null) return null
  if (kind === 'tdx') throw new Refusal('bad-encoding', `${from.path} must be null`)
  return integerOf(from, 0, 3)
}

function placeOf(from: At): string {
  const text = filled(from)
  if (text.startsWith('/') || (isUrl(text) && URL.canParse(text))) return text
  throw new Refusal('bad-encoding', `${from.path} must be an absolute path or an https address`)
}

export function isUrl(place: string): boolean {
  return place.startsWith('https://')
}

export function filled(from: At): string {
  const text = textOf(from)
  if (text === '') throw new Refusal('bad-encoding', `${from.path} must not be empty`)
  return text
}
