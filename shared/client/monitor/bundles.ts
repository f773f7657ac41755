/** Bundles as different people are shown them: the same for everybody, never going back, with keys that come and go. trust.md 2. */
import { sha256 } from '@noble/hashes/sha2.js'
import type { Bundle } from '../../attestation/bundle.ts'
import type { TrustRoot } from '../../attestation/trust-root.ts'
import type { TrustUse } from '../../attestation/verdict.ts'
import { concat, hex, uint16 } from '../../bytes.ts'
import { parseKeyConfigs, type KeyConfigEntry } from '../../ohttp/key-config.ts'
import { Refusal } from '../../refusal.ts'
import { timeText } from '../../tlog/json-fields.ts'
import type { Alarm } from './alarms.ts'
import type { MonitorState } from './state.ts'

/** A bundle that the publisher signed for this placement, and where it was shown. */
export type Shown = { readonly at: string; readonly note: string; readonly bundle: Bundle; readonly root: TrustRoot }

type Memory = Pick<MonitorState, 'serials' | 'bundles' | 'keys'>
export type Compared = Memory & { readonly alarms: readonly Alarm[] }

const hour = 3_600_000
const day = 24 * hour

/** A copy may be used for 600 s and looked for again after that, at relays and at whatever stands before them. */
export const rotation = 1_200_000

/** How many bundles are kept whole, so that a second one of the same serial is proof. */
const kept = 8
const endsSoon = hour / 2
/** A root for development may live for a week altogether. */
const rootEndsSoon: Readonly<Record<TrustUse, number>> = { production: 30 * day, development: day }
/** trust.md 1: an OHTTP key of the gateway lives at most this long. */
const longestKey = day
/** A key that is gone for so long is forgotten; until then its return counts from its first day. */
const forgetKeys = 30 * day

export function compareBundles(shown: readonly Shown[], memory: Memory, now: number): Compared {
  const bundles = remembered(shown, memory, now)
  const [newest] = bundles
  const keys = agedKeys(shown, memory, now)
  return {
    serials: highest(shown, memory),
    bundles: bundles.slice(0, kept),
    keys: keys.filter(({ last }) => now - last < forgetKeys),
    alarms: [
      ...shown.flatMap((one) => [...wentBack(one, memory), ...ending(one, now), ...tooOld(one, keys, now)]),
      ...shown.flatMap((one) => (newest === undefined ? [] : lagging(one, newest, now))),
      ...equivocations(shown, memory),
    ],
  }
}

function remembered(shown: readonly Shown[], { bundles }: Memory, now: number): MonitorState['bundles'] {
  const known = new Map(bundles.map((one) => [one.serial, one]))
  for (const { note, bundle } of shown) {
    if (!known.has(bundle.serial)) known.set(bundle.serial, { serial: bundle.serial, since: now, note })
  }
  return [...known.values()].toSorted((a, b) => b.serial - a.serial)
}

function highest(shown: readonly Shown[], { serials }: Memory): MonitorState['serials'] {
  const known = new Map(serials.map(({ at, serial }) => [at, serial]))
  for (const { at, bundle } of shown) known.set(at, Math.max(known.get(at) ?? 0, bundle.serial))
  return [...known].map(([at, serial]) => ({ at, serial }))
}

function wentBack({ at, bundle }: Shown, { serials }: Memory): Alarm[] {
  const before = serials.find((one) => one.at === at)?.serial ?? 0
  if (bundle.serial >= before) return []
  return [{ code: 'serial-backwards', about: at, detail: `serial ${bundle.serial} after ${before}` }]
}

function lagging({ at, bundle }: Shown, newest: MonitorState['bundles'][number], now: number): Alarm[] {
  if (bundle.serial >= newest.serial || now - newest.since <= rotation) return []
  const detail = `serial ${bundle.serial}, while ${newest.serial} is known for ${minutes(now - newest.since)}`
  return [{ code: 'bundle-differs', about: at, detail }]
}

/** Against what is remembered too: a bundle may be swapped for one look only. */
function equivocations(shown: readonly Shown[], { bundles }: Memory): Alarm[] {
  const first = new Map(bundles.map(({ serial, note }) => [serial, note]))
  return shown.flatMap(({ at, note, bundle }): Alarm[] => {
    const known = first.get(bundle.serial)
    if (known === undefined) first.set(bundle.serial, note)
    if (known === undefined || known === note) return []
    return [
      { code: 'bundle-equivocation', about: at, detail: `serial ${bundle.serial}`, notes: [known, note] } as const,
    ]
  })
}

function ending({ at, bundle }: Shown, now: number): Alarm[] {
  const left = bundle.notAfter - now
  if (left > endsSoon || left <= 0) return [] // one that ended is refused, which is an alarm already
  return [{ code: 'bundle-ending', about: at, detail: `serial ${bundle.serial} ends at ${timeText(bundle.notAfter)}` }]
}

function agedKeys(shown: readonly Shown[], { keys }: Memory, now: number): MonitorState['keys'] {
  const known = new Map(keys.map((key) => [key.id, key]))
  for (const id of shown.flatMap(({ bundle }) => keyIds(bundle))) {
    known.set(id, { id, since: known.get(id)?.since ?? now, last: now })
  }
  return [...known.values()]
}

function tooOld({ at, bundle }: Shown, keys: MonitorState['keys'], now: number): Alarm[] {
  const ids = keyIds(bundle)
  const old = keys.filter(({ id, since }) => ids.includes(id) && now - since > longestKey)
  return old.map(({ id, since }) => {
    return {
      code: 'key-too-old',
      about: at,
      detail: `key ${id.slice(0, 16)} is offered since ${isoTime(since)}`,
    } as const
  })
}

/** The key itself is what is old: a new id or another suite on it makes it no younger. */
function keyIds({ keys }: Bundle): string[] {
  return entriesOf(keys).map((entry) => hex(sha256(identityOf(entry))))
}

/** A list that is none is refused, which is an alarm already. */
function entriesOf(keys: Uint8Array): readonly KeyConfigEntry[] {
  try {
    return parseKeyConfigs(keys)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return []
  }
}

function identityOf(entry: KeyConfigEntry): Uint8Array {
  return 'kem' in entry ? concat(uint16(entry.kem.id), entry.publicKey) : entry.raw
}

/** `root` is the newest that anybody was led to, or the one that was known before. */
export function rootAlarms(shown: readonly Shown[], root: TrustRoot, now: number): Alarm[] {
  const others = shown.filter((one) => one.root.version === root.version && one.root.note !== root.note)
  const forks = others.map(({ at, root: other }): Alarm => {
    const notes = [root.note, other.note]
    return { code: 'root-equivocation', about: at, detail: `root version ${root.version}`, notes }
  })
  const detail = `version ${root.version} ends at ${timeText(root.notAfter)}`
  return root.notAfter - now > rootEndsSoon[root.use]
    ? forks
    : [...forks, { code: 'root-ending', about: 'trust root', detail }]
}

function minutes(milliseconds: number): string {
  return `${Math.floor(milliseconds / 60_000)} minutes`
}

/** First looks come at any millisecond. */
function isoTime(time: number): string {
  return timeText(Math.floor(time / 1000) * 1000)
}
