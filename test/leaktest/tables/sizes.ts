/**
 * privacy.md 2.4: what eight intents look like under ten padding schemes. The page gives the smallest and largest median
 * and these figures; the other medians and the deviations (simulate/workload.ts) were fitted to them, 14 numbers to about
 * 40. So agreement says that one workload explains the whole table and that the product's arithmetic pads as the prototype
 * did; it is not a second measurement of anybody's users.
 */
import { times } from '../stats/numbers.ts'
import { heldOut } from '../stats/held-out.ts'
import { mutualInformation } from '../stats/information.ts'
import type { Rng } from '../stats/rng.ts'
import { overhead } from '../probes/size.ts'
import * as padding from '../simulate/padding.ts'
import { intents, messageLength } from '../simulate/workload.ts'
import type { Sizes } from '../types.ts'
import type { Figure, Table } from './table.ts'

type PageRow = {
  readonly name: string
  readonly pad: padding.Padding
  readonly distinct: number
  /** undefined where the page says "not estimable" */
  readonly bits: number | undefined
  readonly accuracy: number
  /** percent */
  readonly overhead: number
  readonly smallest: number
}

const page: readonly PageRow[] = [
  { name: 'none', pad: padding.unpadded, distinct: 9745, bits: 1.75, accuracy: 0.611, overhead: 0, smallest: 1 },
  {
    name: '128-B blocks',
    pad: padding.blocks(128),
    distinct: 507,
    bits: 1.78,
    accuracy: 0.619,
    overhead: 0.5,
    smallest: 2,
  },
  {
    name: '256-B blocks',
    pad: padding.blocks(256),
    distinct: 254,
    bits: 1.76,
    accuracy: 0.616,
    overhead: 0.9,
    smallest: 10,
  },
  { name: 'PADMÉ', pad: padding.padmeAll, distinct: 135, bits: 1.75, accuracy: 0.619, overhead: 1.9, smallest: 9 },
  {
    name: 'PADMÉ, floor 4 KiB',
    pad: padding.padmeFrom4K,
    distinct: 65,
    bits: 1.33,
    accuracy: 0.448,
    overhead: 15,
    smallest: 45,
  },
  {
    name: 'powers of 2',
    pad: padding.powersOfTwo,
    distinct: 9,
    bits: 1.64,
    accuracy: 0.584,
    overhead: 29,
    smallest: 235,
  },
  {
    name: '1K/4K/16K/64K',
    pad: padding.buckets,
    distinct: 4,
    bits: 1.4,
    accuracy: 0.474,
    overhead: 56,
    smallest: 2888,
  },
  {
    name: '4K/64K',
    pad: padding.sizes(4096, 65_536),
    distinct: 2,
    bits: 0.83,
    accuracy: 0.251,
    overhead: 118,
    smallest: 7948,
  },
  {
    name: 'uniform random 0-256',
    pad: padding.random(256),
    distinct: 10_105,
    bits: undefined,
    accuracy: 0.612,
    overhead: 1,
    smallest: 1,
  },
  {
    name: 'constant 64K',
    pad: padding.sizes(65_536),
    distinct: 1,
    bits: 0,
    accuracy: 0.126,
    overhead: 400,
    smallest: 20_000,
  },
]

/** The page's figures come from this many messages, 2,500 of each intent. */
const pageCount = 20_000

export type SizeTableOptions = { readonly rng: Rng; readonly count?: number; readonly permutations?: number }

export function sizeTable({ rng, count = pageCount, permutations = 20 }: SizeTableOptions): Table {
  const lengths = rng.fork('lengths')
  const messages = times(count, (i) => {
    const intent = i % intents.length
    return { intent, raw: messageLength(lengths, (intents[intent] as (typeof intents)[number]).request) }
  })
  const rows = page.map((row) => {
    const own = rng.fork(row.name)
    const sizes = messages.map(({ raw, intent }): Sizes => {
      const a = row.pad(raw, own, { client: 0, intent })
      return { raw, a, b: a }
    })
    const seen = sizes.map(({ a }) => a)
    const labels = messages.map(({ intent }) => intent)
    const { bits, ci } = mutualInformation(labels, seen, { rng: own, permutations, resamples: 50, bins: bins(seen) })
    const attack = heldOut(
      seen.map((size, i) => ({ label: labels[i] as number, features: [Math.log2(size)] })),
      own,
    )
    return { row, found: overhead(sizes), bits, ci, attack }
  })
  return {
    id: 'sizes',
    title: 'Size: eight intents under ten paddings (privacy.md 2.4)',
    n: `${count} messages; base accuracy 1/8; accuracy on a held-out half, best of four attackers`,
    columns: ['distinct', 'I(class;len) bits', 'best accuracy', 'overhead %', 'smallest set'],
    rows: rows.map(({ row, found, bits, ci, attack }) => ({
      name: row.name,
      figures: [
        counted(found.distinct, row.distinct, count, 0.12),
        row.bits === undefined
          ? { measured: bits, ci }
          : { measured: bits, ci, page: row.bits, tolerance: 0.05 * Math.sqrt(pageCount / count) },
        {
          measured: attack.accuracy,
          ci: attack.ci,
          page: row.accuracy,
          tolerance: accuracyTolerance(row.accuracy, count),
        },
        { measured: 100 * found.overhead, page: row.overhead, tolerance: 0.5 + 0.05 * row.overhead },
        counted(found.smallest, row.smallest, count, 0.25),
      ],
    })),
  }
}

/** As many log bins as the rarer lengths allow; the page's n/50 would be 400, which the null then eats (privacy.md 0.6). */
function bins(seen: readonly number[]): number {
  return Math.min(80, Math.floor(seen.length / 50))
}

/** Four standard errors of the difference of two such accuracies, each on half of its messages, and 0.01 for the choice of attackers. */
function accuracyTolerance(accuracy: number, count: number): number {
  const one = (n: number): number => (2 * accuracy * (1 - accuracy)) / n
  return 4 * Math.sqrt(one(count) + one(pageCount)) + 0.01
}

// Counts of distinct and rare lengths depend on how many messages there were, so they compare at the page's number only.
function counted(measured: number, value: number, count: number, relative: number): Figure {
  return count === pageCount ? { measured, page: value, tolerance: Math.max(12, relative * value) } : { measured }
}
