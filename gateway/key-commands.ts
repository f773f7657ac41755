/**
 * What an operator does with keys by a command and not by the clock: publish, turn, rotate, revoke. Each works on the files of
 * the settings, next to a gateway that runs or without one; a running gateway finds the new keys within its next tick.
 * trust.md 1; RFC 9458 §6.4.
 */
import { Refusal } from '../shared/refusal.ts'
import { createBundle } from './bundles.ts'
import type { GatewaySettings } from './config.ts'
import { liveKeys, noted, offered, turnWith, type KeyEvent, type Surroundings } from './kept-keys.ts'
import { createFileKeyStore } from './key-store.ts'
import { currentOf, emptyRing, revokeNow, rotateNow, turn, type Turned } from './keyring.ts'
import { generator, type LiveKeys } from './live-keys.ts'
import { replayStore } from './replay-store.ts'

export const keyCommands = {
  'turn-keys':
    'does what is due: makes the next keys, forgets the destroyed, signs their bundle; for where keys.from is set',
  'rotate-keys': 'brings the next turn forward to keys.lead from now; no request is lost',
  'revoke-keys': 'for keys that somebody else has: ends all of them now, and what was sealed to them; new ones begin',
} as const
export type KeyCommand = keyof typeof keyCommands

/**
 * Signs a bundle for the keys of the file, if theirs is not there yet; for a host that publishes and serves nothing.
 * The first keys are made here if nobody has made any. Throws when there is nothing published in the end.
 */
export async function publishOnce(settings: GatewaySettings, world: Surroundings): Promise<void> {
  if (settings.keys.file === undefined || settings.bundle.signer === undefined) {
    throw new Refusal('insecure-configuration', 'publishing alone needs keys.file and bundle.signer')
  }
  const keys = liveKeys(settings, world)
  await published(settings, world, async () => {
    if (keys.list() === undefined) await withClaims(settings, world, (claims) => turnWith(keys, claims, world.log))
    return keys
  })
}

/** Changes the key file, and signs the bundle of what is on offer after that if `bundle.signer` is ours. Throws Refusal. */
export async function changeKeys(command: KeyCommand, settings: GatewaySettings, world: Surroundings): Promise<void> {
  const { keys } = settings
  if (keys.file === undefined) {
    const remedy = 'set keys.file; keys in memory alone end with their process, so starting it anew revokes them'
    throw new Refusal('insecure-configuration', `${command} needs a key file: ${remedy}`)
  }
  const store = createFileKeyStore(world.path(keys.file))
  const generate = generator({ kems: offered(keys), random: world.random, kept: true })
  const turned = store.alone(() => {
    const ring = store.load() ?? emptyRing
    const made = changes[command](ring, world.now(), keys, generate)
    if (made === undefined) throw tooSoon(ring, world.now())
    store.save(made.ring)
    return made
  })
  const ended = command === 'revoke-keys' ? [] : turned.destroyed
  await withClaims(settings, world, (claims) => noted({ ...turned, ended }, claims, world.log, told[command]))
  if (settings.bundle.signer !== undefined) await published(settings, world, () => liveKeys(settings, world))
}

type Change = (...given: Parameters<typeof turn>) => Turned | undefined
const changes: Readonly<Record<KeyCommand, Change>> = {
  'turn-keys': turn,
  'rotate-keys': rotateNow,
  'revoke-keys': revokeNow,
}

const told: Readonly<Record<KeyCommand, KeyEvent>> = {
  'turn-keys': 'keys-turned',
  'rotate-keys': 'keys-rotated',
  'revoke-keys': 'keys-revoked',
}

function tooSoon({ generations }: typeof emptyRing, now: number): Refusal {
  const current = currentOf({ generations, recentIds: [] }, now)
  const [oldest] = generations.filter((one) => one !== current)
  const until = oldest === undefined ? '' : ` until ${new Date(oldest.destroyAt).toISOString()}`
  const why = `keys from before the current ones are in people's hands${until}, and a third list would split the crowd`
  return new Refusal('incomplete', `${why}: wait for that, or revoke-keys if somebody else has the keys`)
}

async function withClaims(
  settings: GatewaySettings,
  world: Surroundings,
  work: (claims: ReturnType<typeof replayStore>) => Promise<void>,
): Promise<void> {
  const claims = replayStore(settings, world)
  try {
    await work(claims)
  } finally {
    await claims.close()
  }
}

async function published(
  settings: GatewaySettings,
  world: Surroundings,
  keysOf: () => LiveKeys | Promise<LiveKeys>,
): Promise<void> {
  const bundles = await createBundle(settings.bundle, world, settings.placement)
  try {
    const list = (await keysOf()).list()
    if (list === undefined) throw new Refusal('incomplete', 'no key is current')
    await bundles.renew(list)
  } catch (cause) {
    const code = cause instanceof Refusal ? cause.code : 'incomplete'
    const why = cause instanceof Error ? cause.message : 'unexpected'
    throw new Refusal(code, `nothing was published: ${why}\n${publishRemedy}`, { cause })
  }
}

const publishRemedy =
  'Look at keys.file, bundle.file and bundle.file + .serial: can they be read and written, and is there room on the ' +
  'disk? A damaged bundle.file may be deleted; the .serial beside it must stay. Then publish again.'
