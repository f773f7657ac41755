/** When everything ends that a gateway rests on, so that its operator is told in time. trust.md 1, table of lifetimes. */
import type { TrustRoot } from '../shared/attestation/trust-root.ts'
import type { Ends } from '../shared/observability/left.ts'
import { certificateEnds, pinsEnd } from '../shared/upstream/ends.ts'
import type { Rereadable } from '../shared/upstream/rereadable.ts'
import type { ServeTls } from '../shared/upstream/tls-door.ts'
import type { Bundles } from './bundles.ts'
import { cvmsOf, type GatewaySettings } from './config.ts'
import { pinsOf } from './front-door.ts'
import type { PolicyInForce } from './policy-in-force.ts'
import type { Ending } from './vocabulary.ts'

export type Held = {
  readonly door: Rereadable<ServeTls> | undefined
  readonly root: TrustRoot
  readonly inForce: Pick<PolicyInForce, 'notAfter'>
  readonly bundles: Pick<Bundles, 'read'>
}

/** Asked anew each time; files that are read at start only are read here once. */
export function endsOf(
  settings: GatewaySettings,
  { door, root, inForce, bundles }: Held,
  { file, now }: { readonly file: (name: string) => Buffer; readonly now: () => number },
): () => Ends<Ending> {
  const { tokens, store, relays = [] } = settings
  const certificates = (names: readonly (string | undefined)[]): readonly number[] =>
    names.flatMap((name) => (name === undefined ? [] : certificateEnds(file(name))))
  const fixed = {
    root: [root.notAfter],
    'cvm-certificate': certificates(cvmsOf(settings).map(({ identity }) => identity?.cert)),
    'store-certificate': certificates([store.valkey?.identity?.cert, store.valkey?.ca]),
    // One in force is enough.
    tokens: tokens === undefined ? [] : [lastOf([...(tokens.keys ?? []), ...(tokens.secretKeys ?? [])])],
  }
  return () => {
    const shown = door?.contents() ?? {}
    return {
      ...fixed,
      certificate: certificateEnds(shown['cert']),
      authority: certificateEnds(shown['clientCa']),
      pins: relays.flatMap(({ name }) => pinsEnd(shown[pinsOf(name)], now())),
      policy: inForce.notAfter === undefined ? [] : [inForce.notAfter],
      bundle: [bundles.read()?.until ?? 0],
    }
  }
}

function lastOf(keys: readonly { readonly until: number }[]): number {
  return Math.max(...keys.map(({ until }) => until))
}
