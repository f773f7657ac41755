/** The bundle as this process serves it: signed here if we hold the key, otherwise found in the file that the publisher writes. */
import { equal } from '../shared/bytes.ts'
import { Refusal } from '../shared/refusal.ts'
import { readSigner } from '../shared/tlog/signer.ts'
import type { Placement } from '../shared/attestation/trust-root.ts'
import { digestOf } from '../shared/observability/digest.ts'
import type { GatewaySettings } from './config.ts'
import { secretText } from './key-store.ts'
import type { Publication } from './publication.ts'
import { loadBundle, publish, type Published } from './publish.ts'
import type { GatewayLog } from './vocabulary.ts'

type World = {
  readonly now: () => number
  readonly path: (name: string) => string
  readonly file: (name: string) => Buffer
  readonly log: GatewayLog
}

export type Bundles = {
  /** What is served now; nothing once it has ended. */
  readonly read: () => Publication | undefined
  /** Follows the key list, and the file. False: it failed, which leaves what is served as it is. */
  refresh(list: Publication | undefined): Promise<boolean>
  /** The same, for somebody who waits for it: failing is an error. */
  renew(list: Publication | undefined): Promise<void>
}

export async function createBundle(
  settings: GatewaySettings['bundle'],
  world: World,
  placement: Placement = 'front',
): Promise<Bundles> {
  const { now, path, log } = world
  const file = path(settings.file)
  const roots = settings.roots.map((name) => world.file(name).toString('utf8'))
  const signer = settings.signer === undefined ? undefined : await readSigner(secretText(settings.signer, world).trim())
  let served: Published | undefined

  const renew = async (list: Publication | undefined): Promise<void> => {
    if (signer !== undefined && list !== undefined) await publish(list, { file, signer, roots, now })
    const found = loadBundle(file, now(), placement)
    if (served !== undefined && equal(found.bundle.bytes, served.bundle.bytes)) return
    if (served !== undefined && found.serial < served.serial)
      throw new Refusal('rolled-back', 'an older bundle in the file')
    served = found
    log('info', 'bundle-served', { serial: found.serial, bundle: digestOf(found.bundle.bytes) })
  }
  return {
    read: () => (served !== undefined && served.bundle.until > now() ? served.bundle : undefined),
    renew,
    refresh: (list) =>
      renew(list).then(
        () => true,
        (cause: unknown) => {
          log('error', 'bundle-failed', { why: cause instanceof Refusal ? cause.code : 'unexpected' })
          return false
        },
      ),
  }
}
