/** What stands behind a gateway, and what it therefore accepts: one CVM's apps (`front`), or any number of CVMs (`sealed`). trust.md 3. */
import type { TrustRoot } from '../shared/attestation/trust-root.ts'
import type { GatewayOptions } from './app.ts'
import { cvmsOf, type GatewaySettings } from './config.ts'
import { admitSealed, CvmGroups, sealedMethods } from './cvm-groups.ts'
import { cvmPool } from './cvm-pool.ts'
import type { Leases } from './oblivious.ts'
import { defaultMethods, originOf } from './screen.ts'
import type { GatewayLog } from './vocabulary.ts'

type World = { readonly now: () => number; readonly file: (name: string) => Buffer; readonly log: GatewayLog }

export type Behind = Leases & {
  readonly ready: boolean
  readonly free: number
  onChange(listener: () => void): () => void
  /** Learns what has changed behind us since the last time. */
  refresh(): Promise<void>
  close(): Promise<void>
  /** What an opened request may ask for; `window` is how far its Date may be off, ms. */
  accepts(window: number): Pick<GatewayOptions, 'screen' | 'admit'>
}

export function behind(settings: GatewaySettings, trust: TrustRoot, world: World): Behind {
  const pools = cvmsOf(settings).map((cvm) => cvmPool(cvm, trust, world))
  const [first] = pools
  if (settings.placement === 'front' && first !== undefined) return withApps(settings, first)
  return withCvms(new CvmGroups(pools))
}

function withApps({ targets = [], methods }: GatewaySettings, pool: ReturnType<typeof cvmPool>): Behind {
  const screen = { targets: new Set(targets.map(canonical)), methods: methods ? new Set(methods) : defaultMethods }
  return Object.assign(pool, {
    refresh: () => Promise.resolve(),
    accepts: (window: number) => ({ screen: { ...screen, window } }),
  })
}

function withCvms(groups: CvmGroups): Behind {
  return Object.assign(groups, {
    accepts: (window: number) => ({
      screen: { targets: groups, methods: sealedMethods, window },
      admit: admitSealed,
    }),
  })
}

function canonical(target: string): string {
  return originOf('https', new URL(target).host)
}
