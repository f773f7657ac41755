/**
 * The observation contract: 34 fields by 12 parties, what each party must see, may see, may see only coarsened, or must
 * never see. privacy.md 1.2 and 1.4. What is not listed is `never`. One contract for each placement: a field says what is
 * different there. The file is read strictly, since a slip in it would make the audit look away.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Party, Source } from './types.ts'

export const placements = ['front', 'inside', 'sealed'] as const
export type Placement = (typeof placements)[number]

/** Those who have a column. `X`, whom the client's application may contact because of an answer, is field F34. */
export const columns = [
  'NC',
  'R',
  'MR',
  'NR',
  'G',
  'MG',
  'H',
  'V',
  'K',
  'I',
  'A',
  'DNS',
] as const satisfies readonly Party[]
export type Column = (typeof columns)[number]

export const columnNames: Readonly<Record<Column, string>> = {
  NC: 'network between client and relay',
  R: 'relay',
  MR: "readers of the relay's metrics",
  NR: 'network between relay and gateway',
  G: 'gateway',
  MG: "readers of the gateway's metrics",
  H: 'host of the CVM, network before it',
  V: 'CVM',
  K: 'directory of keys',
  I: 'issuer of tokens',
  A: 'service for attestation collateral',
  DNS: 'resolvers that relay, gateway and CVM ask for names',
}

/** How a field is looked for. `none`: nothing that runs on one machine could see it. */
const ways = ['canary', 'probe', 'structure', 'join', 'none'] as const
export type Way = (typeof ways)[number]

/** What only some pairs have; without it nothing of the field is there to be seen. */
const needs = ['tokens'] as const
export type Need = (typeof needs)[number]

export type Cell = {
  readonly rule: 'must' | 'may' | 'coarse' | 'never'
  /** seen while it is worked on, and not kept: not in a log, a metric, a report, or the heap after everything is done */
  readonly inPassing: boolean
  /** of `coarse`: how finely it may be seen, in words */
  readonly bound?: string
}

export type Field = {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly how: readonly Way[]
  readonly needs?: Need
  readonly cells: Readonly<Record<Column, Cell>>
}

export type Contract = { readonly placement: Placement; readonly fields: readonly Field[]; readonly joins: Joins }
export type Joins = readonly { readonly left: readonly Column[]; readonly right: readonly Column[] }[]

const passing = z.literal('in passing')
const cell = z.union([
  z.enum(['must', 'may', 'never']),
  z.strictObject({ must: passing }),
  z.strictObject({ may: passing }),
  z.strictObject({ coarse: z.string().min(1).max(60) }),
])
const cells = z.partialRecord(z.enum(columns), cell)

const file = z.strictObject({
  version: z.literal(1),
  parties: z.tuple(columns.map((party) => z.literal(party)) as [z.ZodLiteral, ...z.ZodLiteral[]]),
  default: z.literal('never'),
  fields: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string().regex(/^[a-z-]{3,30}$/),
      title: z.string().min(3).max(100),
      how: z.array(z.enum(ways)).min(1),
      needs: z.enum(needs).optional(),
      cells,
      placements: z.partialRecord(z.enum(placements), cells).optional(),
    }),
  ),
  joins: z
    .array(
      z.strictObject({
        left: z.array(z.enum(columns)).min(1),
        right: z.array(z.enum(columns)).min(1),
        rule: z.literal('no-shared-value'),
      }),
    )
    .min(1),
})

type File = z.infer<typeof file>

/** Throws TypeError with the place in the file and what is wrong there. */
export function readContract(text: string, placement: Placement): Contract {
  const found = file.safeParse(JSON.parse(text))
  if (!found.success) {
    const [issue] = found.error.issues
    throw new TypeError(`contract: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`)
  }
  const { fields, joins } = found.data
  numbered(fields)
  return { placement, fields: fields.map((field) => fieldOf(field, placement)), joins }
}

/** The contract that is published with the lab. */
export function ownContract(placement: Placement): Contract {
  return readContract(ownContractText(), placement)
}

export function ownContractText(): string {
  return readFileSync(new URL('contract.json', import.meta.url), 'utf8')
}

/** Exactly F01 to F34, in order: a row that was left out would be a row that nobody looks at. */
function numbered(fields: File['fields']): void {
  const wanted = Array.from({ length: fieldCount }, (_, i) => `F${String(i + 1).padStart(2, '0')}`)
  const odd = wanted.findIndex((id, i) => fields[i]?.id !== id)
  if (odd >= 0 || fields.length !== fieldCount) {
    throw new TypeError(`contract: fields must be F01 to F${fieldCount} in order; look at ${wanted[odd] ?? 'the end'}`)
  }
  if (new Set(fields.map(({ name }) => name)).size !== fields.length)
    throw new TypeError('contract: two fields of one name')
}

export const fieldCount = 34

function fieldOf(
  { placements: differences, cells: common, ...field }: File['fields'][number],
  placement: Placement,
): Field {
  const listed = { ...common, ...differences?.[placement] }
  const whole = Object.fromEntries(columns.map((party) => [party, cellOf(listed[party])])) as Record<Column, Cell>
  const { needs: need, ...rest } = field
  return { ...rest, ...(need === undefined ? {} : { needs: need }), cells: whole }
}

function cellOf(given: z.infer<typeof cell> = 'never'): Cell {
  if (typeof given === 'string') return { rule: given, inPassing: false }
  if ('coarse' in given) return { rule: 'coarse', inPassing: false, bound: given.coarse }
  return { rule: 'must' in given ? 'must' : 'may', inPassing: true }
}

/** Where something lies when everything is done. On a wire and in an error's body it passes by. */
export function isKept(source: Source): boolean {
  return source !== 'wire' && source !== 'error'
}
