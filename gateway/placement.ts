/** What stands behind a gateway, and what it therefore accepts: one CVM's apps (`front`), or any number of CVMs (`sealed`). trust.md 3. */
import type { GatewayOptions } from './app.ts'
import { cvmsOf, type GatewaySettings } from './config.ts'
import { admitSealed, CvmGroups, sealedMethods } from './cvm-groups.ts'
import { cvmPool, type CvmWorld } from './cvm-pool.ts'
import type { Leases } from './oblivious.ts'
import { defaultMethods, originOf } from './screen.ts'

export type Behind = Leases & {
  readonly ready: boolean
  readonly free: number
  onChange(listener: () => void): () => void
  /** Learns what has changed behind us since the last time. */
  refresh(): Promise<void>
  /** What was believed no longer holds: connections end, streams in flight too, and are judged anew. */
  revoke(): void
  close(): Promise<void>
  /** What an opened request may ask for; `window` is how far its Date may be off, ms. */
  accepts(window: number): Pick<GatewayOptions, 'screen' | 'admit'>
}

export function behind(settings: GatewaySettings, world: CvmWorld): Behind {
  const pools = cvmsOf(settings).map((cvm, at) => cvmPool(cvm, at + 1, world))
  const [first] = pools
  if (settings.placement === 'front' && first !== undefined) return withApps(settings, first)
  return withCvms(new CvmGroups(pools, settings.profile === 'paced' ? 'apart' : 'with-first'))
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
