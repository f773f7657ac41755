/**
 * Whether this machine can give the evidence that its settings ask for, found out at the start and said with a remedy:
 * another system, an old kernel, a container without the mount, no CVM at all. attestation.md c.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Refusal } from '../../shared/refusal.ts'
import type { HardwareKind } from './own-report.ts'
import { tsmRoot } from './tsm.ts'

export type PlaceOptions = {
  readonly kind: HardwareKind
  readonly root?: string
  readonly system?: NodeJS.Platform
  /** Where configfs is mounted, and where devices are. */
  readonly configfs?: string
  readonly devices?: string
}

/** The character devices of the time before configfs-tsm, and the modules that make either. */
const guests = {
  'sev-snp': { device: 'sev-guest', module: 'sev-guest' },
  tdx: { device: 'tdx_guest', module: 'tdx-guest' },
} as const

/** Refuses `platform-unsupported`. That reports really come is found out by asking for one. */
export function checkTsmThere({
  kind,
  root = tsmRoot,
  system = process.platform,
  configfs = '/sys/kernel/config',
  devices = '/dev',
}: PlaceOptions): void {
  const { device, module } = guests[kind]
  const unsupported = (what: string) => new Refusal('platform-unsupported', `no ${kind} evidence: ${what}`)
  if (system !== 'linux')
    throw unsupported(`${system} has no configfs-tsm; run this inside a Linux CVM, kernel 6.7 or later`)
  if (existsSync(root)) return
  if (root.startsWith(configfs) && isEmpty(configfs)) {
    throw unsupported(
      `configfs is not mounted. On the machine: mount -t configfs none ${configfs}; for a container: hand it that folder`,
    )
  }
  if (existsSync(join(devices, device))) {
    throw unsupported(
      `this kernel has /dev/${device} but not ${root}. Use Linux 6.7 or later with CONFIG_TSM_REPORTS: ` +
        'the older ioctl is not supported',
    )
  }
  throw unsupported(`${root} is not there. Is this a ${kind} CVM? Then load its driver: modprobe ${module}`)
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0
  } catch {
    return true
  }
}
