/** The trust root of the log commands: whose log, whose witnesses, how many of them. */
import { verifyRoot, type TrustRoot } from '../../../attestation/trust-root.ts'
import { Refusal } from '../../../refusal.ts'
import { Failure, type World } from '../command.ts'
import { demanded, readText } from '../connection.ts'

export const trustOption = { trust: { type: 'string' } } as const

export const trustHelp = `  --trust FILE            the trust root, which names logs, witnesses and quorum (also from ASUNDER_TRUST)`

/** A root that names logs; every other one is refused with the remedy. */
export async function logTrust(given: string | undefined, world: World): Promise<TrustRoot> {
  const file = demanded('trust', given ?? world.env('ASUNDER_TRUST'))
  const root = await verified(await readText('trust', file, world))
  if (root.logs.length > 0 && root.quorum > 0) return root
  throw new Failure('--trust: this root names no log and no witnesses; take the root of a service that has them')
}

async function verified(note: string): Promise<TrustRoot> {
  try {
    return await verifyRoot(note)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new Failure(`--trust: not a trust root that vouches for itself: ${cause.code}: ${cause.message}`, { cause })
  }
}
