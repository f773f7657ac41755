/** What must hold among the files that a gateway's settings name. trust.md 1 and 3. */
import type { VerifiedPolicy } from '../shared/attestation/signed-policy.ts'
import { verifyPolicy } from '../shared/attestation/signed-policy.ts'
import { newestRoot, verifyRoot, type Placement, type TrustRoot } from '../shared/attestation/trust-root.ts'
import type { FileRule, Found, Look } from '../shared/config/contents.ts'
import { file, holding, secretFile } from '../shared/config/file-kinds.ts'
import { openFilesFound } from '../shared/config/listener-rows.ts'
import { endedPinsFound, pairFound } from '../shared/config/pem-files.ts'
import { endedKeysFound, type TokenKeySettings } from '../shared/config/tokens.ts'
import { refusalOf, type Refusal } from '../shared/refusal.ts'
import type { Pin } from '../shared/upstream/pins.ts'
import { readPins } from '../shared/upstream/pins.ts'
import { readSigner } from '../shared/tlog/signer.ts'
import type { RelaySettings } from './relay-settings.ts'

export const rootFile = holding(file, {
  what: 'a trust root',
  reads: (bytes) => verifyRoot(bytes.toString('utf8')),
  remedy: "take the root's note as its publisher signed it, to the byte; asunder trust show reads it",
})

export const signerFile = holding(secretFile, {
  what: 'a key that signs bundles',
  reads: (bytes) => readSigner(bytes.toString('utf8').trim()),
  remedy: 'make one with asunder trust keygen NAME -o FILE, and have its public half put into the trust root',
})

type Shown = { readonly key: string; readonly cert: string }
type Cvm = {
  readonly role: string
  readonly connections: number
  readonly identity?: Shown | undefined
  readonly allowSimulated?: object | undefined
}

export type Filed = {
  readonly placement: Placement
  readonly listen: { readonly tls?: Shown | undefined }
  readonly relays?: readonly RelaySettings[] | undefined
  readonly cvm?: Cvm | undefined
  readonly cvms?: readonly Cvm[] | undefined
  readonly store: { readonly valkey?: { readonly identity?: Shown | undefined } | undefined }
  readonly tokens?:
    | {
        readonly keys?: readonly TokenKeySettings[] | undefined
        readonly secretKeys?: readonly TokenKeySettings[] | undefined
      }
    | undefined
  readonly connections: number
  readonly trust: string
  readonly policy?: string | undefined
  readonly bundle: { readonly roots: readonly string[] }
}

export const fileRules: readonly FileRule<Filed>[] = [
  ({ connections, cvm, cvms = [] }, look) => {
    const all = [...cvms, ...(cvm === undefined ? [] : [cvm])]
    return openFilesFound(
      connections,
      all.reduce((sum, one) => sum + one.connections, 0),
      look,
    )
  },
  ({ listen: { tls } }, look) => pairFound('listen.tls', tls, look),
  ({ cvm }, look) => pairFound('cvm.identity', cvm?.identity, look),
  ({ cvms = [] }, look) => cvms.flatMap(({ identity }, at) => pairFound(`cvms.${at}.identity`, identity, look)),
  ({ store: { valkey } }, look) => pairFound('store.valkey.identity', valkey?.identity, look),
  ({ relays = [] }, look) => {
    const pinned = relays.map(({ pins, name }, at) => ({ path: `relays.${at}.pins`, file: pins, what: name }))
    return endedPinsFound(pinned, false, look)
  },
  ({ relays = [] }, look) => sharedPinsFound(relays, look),
  ({ tokens: { keys = [], secretKeys = [] } = {} }, { now }) =>
    endedKeysFound({ 'tokens.keys': keys, 'tokens.secretKeys': secretKeys }, now),
  rootFound,
  laterRootsFound,
  policyFound,
]

/** Whose request would it be? */
function sharedPinsFound(relays: readonly RelaySettings[], { file, now }: Look): readonly Found[] {
  const pinsOf = ({ pins }: RelaySettings): readonly Pin[] => readPins(file(pins).toString('utf8'), now)
  return relays.flatMap((relay, at) => {
    const before = relays.slice(0, at).find((other) => {
      const theirs = new Set(pinsOf(other).map(({ sha256 }) => sha256))
      return pinsOf(relay).some(({ sha256 }) => theirs.has(sha256))
    })
    if (before === undefined) return []
    const wrong = `has a pin that ${before.name} has too, and each relay has keys of its own`
    return [{ path: `relays.${at}.pins`, wrong, remedy: 'ask both operators for theirs, and correct the file' }]
  })
}

const rootOf = ({ trust }: Filed, { file }: Look): Promise<TrustRoot> => verifyRoot(file(trust).toString('utf8'))

async function rootFound(settings: Filed, look: Look): Promise<readonly Found[]> {
  const { placements, notAfter, use } = await rootOf(settings, look)
  const told = (wrong: string, remedy: string): Found => ({ path: 'trust', wrong, remedy })
  const { placement, cvm, cvms = [] } = settings
  const simulated = [...cvms, ...(cvm === undefined ? [] : [cvm])].some(({ allowSimulated }) => allowSimulated)
  return [
    ...(placements.includes(placement)
      ? []
      : [
          told(`allows ${placements.join(', ')}, and not ${placement}`, 'set that as placement, or ask for a new root'),
        ]),
    ...(look.now < notAfter ? [] : [told('has ended', 'ask the publisher of the application for its new root')]),
    ...(simulated && use !== 'development'
      ? [told('is for production, where simulated evidence is worth nothing', 'remove allowSimulated')]
      : []),
  ]
}

async function laterRootsFound(settings: Filed, look: Look): Promise<readonly Found[]> {
  const root = await rootOf(settings, look)
  const notes = settings.bundle.roots.map((name) => look.file(name).toString('utf8'))
  const why = await refusalOf(() => newestRoot(root, notes))
  const remedy = 'list every root after that of trust, oldest first, as each was signed'
  return why === undefined ? [] : [{ path: 'bundle.roots', wrong: `do not follow trust: ${why.message}`, remedy }]
}

async function policyFound(settings: Filed, look: Look): Promise<readonly Found[]> {
  const { policy, cvm } = settings
  if (policy === undefined) return []
  const [root, note] = [await rootOf(settings, look), look.file(policy).toString('utf8')]
  if (look.now >= root.notAfter) return []
  let verified: VerifiedPolicy | undefined
  const why = await refusalOf(async () => (verified = await verifyPolicy(note, { root, now: look.now })))
  if (why !== undefined) return [unverified(why)]
  if (cvm === undefined || verified?.role === cvm.role) return []
  const wrong = `is ${cvm.role}, and the policy is for ${verified?.role ?? 'another role'}`
  return [{ path: 'cvm.role', wrong, remedy: 'name the role of the policy, or the policy of this role as policy' }]
}

/** One that ended is read again every few seconds, and until another is there nobody is attested: no reason to end. */
function unverified({ code, message }: Refusal): Found {
  if (code === 'policy-expired') {
    const remedy = 'have it signed anew; until it is in place, no CVM is attested'
    return { path: 'policy', wrong: `does not count now: ${message}`, remedy, bearable: true }
  }
  const remedy = 'take the note as the policy keys of the root signed it; asunder policy explain reads it'
  return { path: 'policy', wrong: `is none that the trust root stands behind: ${message}`, remedy }
}
