/** A machine of its own process: mounts configfs-tsm at the folder it is given, and does as its parent says. */
import type { ChipParts } from './chip.ts'
import { serve } from './fuse.ts'
import { type Behaviour, Kernel } from './kernel.ts'

export type Order = { readonly behave: Partial<Behaviour> } | { readonly seen: true }

const [folder = '', chip = ''] = process.argv.slice(2)
const kernel = new Kernel(JSON.parse(chip) as ChipParts)
serve(kernel, folder)
process.on('message', (order: Order) => {
  if ('behave' in order) kernel.behave(order.behave)
  process.send?.(kernel.seen())
})
process.on('disconnect', () => process.exit(0))
process.send?.(kernel.seen())
