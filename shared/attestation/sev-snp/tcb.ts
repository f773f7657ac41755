/**
 * TCB_VERSION: eight counters of a firmware's age, laid out by product and compared one by one. As one number they
 * would let a high counter outweigh a low one. attestation.md a.2.
 */
import { Refusal } from '../../refusal.ts'
import { countedParts, type ProductRow, type TcbPart } from './products.ts'

export type Tcb = Readonly<Partial<Record<TcbPart, number>>>

/** Microcode counts differently on each CPU model, so its floor may be a list by model. */
export type TcbFloor = Readonly<Partial<Record<TcbPart, number>>> & {
  readonly ucodeByModel?: ReadonlyMap<number, number>
}

export function readTcb(bytes: Uint8Array, { layout }: ProductRow): Tcb {
  const tcb = Object.fromEntries(layout.map((part, index) => [part, bytes[index] ?? 0])) as Tcb
  const reserved = layout.find((part) => part.startsWith('spl') && tcb[part] !== 0)
  if (reserved !== undefined) throw new Refusal('reserved-not-zero', `TCB_VERSION, at ${layout.indexOf(reserved)}`)
  return tcb
}

/** Only what counts, for people and logs. */
export function counted(tcb: Tcb, row: ProductRow): Tcb {
  return Object.fromEntries(countedParts(row).map((part) => [part, tcb[part] ?? 0]))
}

export function differs(a: Tcb, b: Tcb, { layout }: ProductRow): TcbPart | undefined {
  return layout.find((part) => a[part] !== b[part])
}

/** The first counter below its floor. `model` is unknown in reports of version 2: no floor by model can be met then. */
export function below(tcb: Tcb, floor: TcbFloor, row: ProductRow, model: number | undefined): TcbPart | undefined {
  return countedParts(row).find((part) => {
    const least = part === 'ucode' ? ucodeFloor(floor, model) : (floor[part] ?? 0)
    return (tcb[part] ?? 0) < least
  })
}

function ucodeFloor({ ucode, ucodeByModel }: TcbFloor, model: number | undefined): number {
  if (ucodeByModel === undefined) return ucode ?? 0
  return (model === undefined ? undefined : ucodeByModel.get(model)) ?? Infinity
}
