/** How Intel rates a TCB level, and how ratings of several parts add up. Intel SGX and TDX Provisioning Certification Service v4. */

/**
 * Each rating by the faults that it names, so that the worst of several is simply all of their faults: 1 software must
 * harden itself, 2 configuration, 4 out of date, 8 revoked. Who is out of date may lack hardening too.
 */
const faults = {
  UpToDate: 0,
  SWHardeningNeeded: 1,
  ConfigurationNeeded: 2,
  ConfigurationAndSWHardeningNeeded: 3,
  OutOfDate: 5,
  OutOfDateConfigurationNeeded: 7,
  Revoked: 15,
} as const

export type TcbStatus = keyof typeof faults

export const tcbStatuses = Object.keys(faults) as readonly TcbStatus[]

export function worst(statuses: readonly TcbStatus[]): TcbStatus {
  const all = statuses.reduce((sum, status) => sum | faults[status], 0)
  return tcbStatuses.find((status) => faults[status] === all) ?? 'Revoked'
}
