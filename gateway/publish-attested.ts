/**
 * Publishes a bundle of placement `inside` or `sealed`: asks every CVM for evidence of its keys, puts policy, proofs,
 * statement and anchor beside it, looks at the whole as a client would, and only then signs it into place. trust.md 2.
 */
import { appraise, type Appraisal } from '../shared/attestation/appraisal.ts'
import type { AttestedBundle, CvmEntry } from '../shared/attestation/bundle.ts'
import { signBundle, verifyBundle } from '../shared/attestation/bundle.ts'
import type { AllowSimulated } from '../shared/attestation/policy.ts'
import { verifyPolicy, type VerifiedPolicy } from '../shared/attestation/signed-policy.ts'
import { newestRoot, verifyRoot, type TrustRoot } from '../shared/attestation/trust-root.ts'
import { concat, uint16, type Bytes } from '../shared/bytes.ts'
import { Refusal } from '../shared/refusal.ts'
import { readSigner } from '../shared/tlog/signer.ts'
import { collectKeys } from './collect-keys.ts'
import { cvmsOf, type GatewaySettings } from './config.ts'
import { createFileKeyStore, readPrivate } from './key-store.ts'
import { readOffered } from './live-keys.ts'
import { lastPublished, longestBundle, replaceBundle, tolerance, wholeSeconds } from './publish.ts'
import type { World } from './service.ts'

/** Throws Refusal; then what was published before is still in its place. Gives the serial. */
export async function publishAttested(settings: GatewaySettings, world: World): Promise<number> {
  const { now, path, log } = world
  const { placement, publish, bundle: place } = settings
  if (placement === 'front' || publish === undefined || place.signer === undefined) {
    throw new Refusal(
      'insecure-configuration',
      'publishing keys of CVMs needs the settings of publish, and bundle.signer',
    )
  }
  const text = (name: string): string => world.file(name).toString('utf8')
  const roots = place.roots.map(text)
  const shipped = await verifyRoot(text(settings.trust))
  const root = await newestRoot(shipped, roots)
  const policy = await verifyPolicy(text(publish.policy), { root, now: now() })
  const anchor = text(publish.anchor)
  const cvms = await collected(settings, world, { root, policy, anchor })
  const last = lastPublished(path(place.file))
  const common = {
    serial: last.serial + 1,
    placement,
    roots,
    policy: policy.note,
    policyProof: text(publish.policyProof),
    statement: text(publish.statement),
    cvms,
  }
  const draft = { ...common, ...livesOf(settings, cvms, world) }
  const asked = { root: shipped, now: now(), allowSimulated: allowedIn(settings) }
  const bundle = await ending(draft, { ...asked, root })
  const signer = await readSigner(readPrivate(path(place.signer)).trim())
  const note = await signBundle(bundle, [signer])
  await verifyBundle({ ...asked, note, placement, lastSerial: last.serial })
  replaceBundle(path(place.file), bundle.serial, note)
  log('info', 'bundle-published', { serial: bundle.serial, keys: cvms.length })
  return bundle.serial
}

/** A CVM that does not answer is left out: whether those that do are enough is for the policy to say. */
async function collected(
  settings: GatewaySettings,
  { now, file, log }: World,
  under: { readonly root: TrustRoot; readonly policy: VerifiedPolicy; readonly anchor: string },
): Promise<readonly CvmEntry[]> {
  const layer = settings.placement === 'sealed' ? 'inner' : 'outer'
  const asked = await Promise.allSettled(
    cvmsOf(settings).map((cvm) => collectKeys(cvm, { ...under, layer, now, file })),
  )
  const entries = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  const reasons = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  const [first] = reasons
  if (entries.length === 0) throw first
  for (const cause of reasons) {
    if (!(cause instanceof Refusal)) throw cause
    log('warn', 'cvm-left-out', { why: cause.code })
  }
  return entries
}

/** In `inside` the list is the attested keys; in `sealed` it is the gateway's own, for the outer layer. */
function livesOf({ placement, keys }: GatewaySettings, cvms: readonly CvmEntry[], { now, path }: World) {
  const notBefore = wholeSeconds(now() - tolerance)
  const keysEnd = Math.min(...cvms.map(({ notAfter }) => notAfter))
  const ends = Math.min(notBefore + longestBundle, keysEnd)
  if (placement === 'inside') return { keys: listOf(cvms), notBefore, notAfter: ends }
  const outer = keys.file === undefined ? undefined : readOffered(createFileKeyStore(path(keys.file)), now())
  if (outer === undefined) throw new Refusal('incomplete', 'no outer key is current: start the gateway once')
  return { keys: outer.bytes, notBefore, notAfter: wholeSeconds(Math.min(ends, outer.until)) }
}

function listOf(cvms: readonly CvmEntry[]): Bytes {
  return concat(...cvms.flatMap(({ keyConfig }) => [uint16(keyConfig.length), keyConfig]))
}

/** No longer than anything that it rests on: a mirror may not serve what clients no longer take. */
async function ending(
  bundle: AttestedBundle,
  question: { readonly root: TrustRoot; readonly now: number; readonly allowSimulated: AllowSimulated | undefined },
): Promise<AttestedBundle> {
  const { notAfter }: Appraisal = await appraise({ ...question, bundle })
  return { ...bundle, notAfter: wholeSeconds(Math.min(bundle.notAfter, notAfter)) }
}

/** A client has one word to give for all of them, so there must be one. */
function allowedIn(settings: GatewaySettings): AllowSimulated | undefined {
  const [first, ...others] = cvmsOf(settings).map(({ allowSimulated }) => allowSimulated)
  if (others.every((other) => JSON.stringify(other) === JSON.stringify(first))) return first
  throw new Refusal('insecure-configuration', 'cvms: allowSimulated must be the same for all of them')
}
