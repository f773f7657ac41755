/** The kinds of settings. Numbers have their units in the name of the kind: milliseconds and octets, nothing else. */
import { z } from 'zod'
import type { Kind } from './kind.ts'

type Range = { readonly least?: number; readonly most?: number }
type Units = readonly (readonly [unit: string, size: number])[]

const times: Units = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
]
const octets: Units = [
  ['GiB', 1 << 30],
  ['MiB', 1 << 20],
  ['KiB', 1 << 10],
]

export function count({ least = 1, most = Number.MAX_SAFE_INTEGER }: Range = {}, name = 'count'): Kind<number> {
  const end = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`
  return {
    name,
    schema: z.int().min(least).max(most),
    demand: `a whole number${least === Number.MIN_SAFE_INTEGER ? '' : `, ${end}`}`,
    example: Math.max(least, 1),
    fromText: numberOf,
    show: String,
  }
}

/** TCP port; 0 means any that is free. */
export const port: Kind<number> = { ...count({ least: 0, most: 65_535 }, 'port'), example: 8443 }

/** TCP port of somebody else. */
export const peerPort: Kind<number> = { ...count({ most: 65_535 }, 'port'), example: 8443 }

/** More than zero, fractions too. */
export const rate: Kind<number> = {
  name: 'number',
  schema: z.number().positive(),
  demand: 'a number above 0',
  example: 10,
  fromText: numberOf,
  show: String,
}

/** Milliseconds, at most a day. Written `500ms`, `30s`, `5min`, `12h`, or as a bare number of milliseconds. */
export function duration({ least = 1, most = 86_400_000 }: Range = {}): Kind<number> {
  const bounds = `from ${spelt(least, times)} to ${spelt(most, times)}`
  return measured('duration', times, { least, most }, `a duration ${bounds}, such as 500ms, 30s, 5min or 12h`, '30s')
}

/** Octets. Written `64KiB`, `1MiB`, `1GiB`, or as a bare number of octets. */
export function size({ least = 1, most = Number.MAX_SAFE_INTEGER }: Range = {}): Kind<number> {
  const end = most === Number.MAX_SAFE_INTEGER ? '' : ` of at most ${spelt(most, octets)}`
  return measured('size', octets, { least, most }, `a size${end}, such as 64KiB, 1MiB or 1GiB`, '1MiB')
}

export const yes: Kind<boolean> = {
  name: 'true/false',
  schema: z.boolean(),
  demand: 'true or false',
  example: true,
  fromText: (text) => (text === 'true' ? true : text === 'false' ? false : text),
  show: String,
}

/** A moment in UTC, as milliseconds since 1970. Written `2027-01-01T00:00:00Z`. */
export const moment: Kind<number> = {
  name: 'moment',
  schema: z.iso.datetime().transform((written) => Date.parse(written)),
  demand: 'a moment in UTC, such as 2027-01-01T00:00:00Z',
  example: '2027-01-01T00:00:00Z',
  fromText: same,
  show: (value) => new Date(value).toISOString().replace('.000Z', 'Z'),
}

export function word<const W extends string>(words: readonly W[]): Kind<W> {
  const demand = words.length === 1 ? `"${words.join('')}"` : `one of ${words.join(', ')}`
  return { name: 'word', schema: z.enum(words), demand, words, example: words[0], fromText: same, show: (word) => word }
}

/** As the YAML of an operator has it, a number, or as a text. */
export const httpVersion: Kind<'1.1' | '2'> = {
  ...word(['1.1', '2']),
  schema: z
    .union([z.enum(['1.1', '2']), z.literal([1.1, 2])])
    .transform((written) => (Number(written) === 2 ? '2' : '1.1')),
}

/** Text of one line that fits `pattern`. `demand` ends the sentence "this is not ...". */
export function text(name: string, pattern: RegExp, demand: string, example: string): Kind<string> {
  return { name, schema: z.string().regex(pattern), demand, example, fromText: same, show: (text) => text }
}

/** Each at most once, at least one unless `least` says otherwise. In a variable or flag, commas stand between them. */
export function list<T>(each: Kind<T>, { least = 1 }: { readonly least?: 0 | 1 } = {}): Kind<readonly T[]> {
  return {
    name: `list: ${each.name}`,
    schema: z
      .array(each.schema)
      .min(least)
      .refine((all) => new Set(all).size === all.length),
    demand: `a list${least === 0 ? '' : ' of at least one'}, with nothing in it twice`,
    example: [each.example],
    fromText: (text) => text.split(',').map((one) => each.fromText(one.trim())),
    show: (all) => `[${all.map((one) => each.show(one)).join(', ')}]`,
    each,
    ...(each.file === undefined ? {} : { file: each.file }),
  }
}

const label = '[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?'
const dotted = `${label}(\\.${label})*`

/** Where to listen or connect: an address or a name, without a port. */
export const host = text(
  'host',
  new RegExp(`^(${dotted}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|\\[[0-9A-Fa-f:.]+\\])$`),
  'an address or a host name, without scheme and port',
  '127.0.0.1',
)

/** A host that clients ask for: `name` for every port, or `name:port`. */
export const publicHost: Kind<string> = {
  ...text(
    'host[:port]',
    /./,
    'a host name, or name:port with a port up to 65535, without scheme and path',
    'relay.example',
  ),
  schema: z
    .string()
    .regex(new RegExp(`^(${dotted}|\\[[0-9A-Fa-f:.]+\\])(:[1-9]\\d{0,4})?$`))
    .refine((written) => Number(/:(\d+)$/.exec(written)?.[1] ?? 1) <= 65_535),
}

/** One line of any text. */
export const line = text('text', /^\S(.*\S)?$/, 'a text that is not empty', 'app')

function measured(name: string, units: Units, range: Required<Range>, demand: string, example: string): Kind<number> {
  const pattern = new RegExp(`^(\\d{1,12})(${units.map(([unit]) => unit).join('|')})$`)
  return {
    name,
    schema: z
      .union([z.int().min(range.least).max(range.most), z.string().regex(pattern)])
      .transform((written) => (typeof written === 'number' ? written : measureOf(written, pattern, units)))
      .pipe(z.int().min(range.least).max(range.most)),
    demand,
    example,
    fromText: numberOf,
    show: (value) => spelt(value, units),
  }
}

function measureOf(written: string, pattern: RegExp, units: Units): number {
  const [, digits = '', unit = ''] = pattern.exec(written) ?? []
  return Number(digits) * (units.find(([name]) => name === unit)?.[1] ?? NaN)
}

/** In the largest unit that divides it, so that nothing is rounded. */
function spelt(value: number, units: Units): string {
  const [unit, size] = units.find(([, size]) => value >= size && value % size === 0) ?? ['', 1]
  return `${value / size}${unit}`
}

function numberOf(text: string): unknown {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

function same(text: string): string {
  return text
}
