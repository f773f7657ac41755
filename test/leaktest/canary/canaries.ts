/**
 * Canaries: values that nothing else in the world holds, planted where one party may see them and looked for where others
 * may not. privacy.md 2.3. Fresh for every run; a run's canaries go into a file, so that an operator can search its own
 * logs for them without showing the logs to anybody.
 */
import { z } from 'zod'

/** Addresses are written in more ways than text is; the value of `octets` is hex of what may also occur as it is. */
export const kinds = ['text', 'ip4', 'ip6', 'octets'] as const
export type Kind = (typeof kinds)[number]

export type Canary = {
  /** unique in its run, such as `c3.cookie` */
  readonly id: string
  /** row of the observation matrix, such as F06 */
  readonly field: string
  readonly kind: Kind
  readonly value: string
  /** never in the file of a run */
  readonly secret?: true
}

/** 0 to 255, `length` times. */
export type RandomBytes = (length: number) => Uint8Array

/** 128 bits that are ours, recognisable as such to whoever meets one: `lkt`, a short word, hex digits. */
export function mark(word: string, random: RandomBytes): string {
  if (!/^[a-z]{1,8}$/.test(word)) throw new TypeError('the word of a mark is 1 to 8 small letters')
  return `lkt${word}${Buffer.from(random(16)).toString('hex')}`
}

/** An address of this machine (127/8) that no service uses. RFC 1122 §3.2.1.3. */
export function loopbackAddress(random: RandomBytes): string {
  const [a = 0, b = 0, c = 0] = random(3)
  return `127.${16 + (a % 239)}.${16 + (b % 239)}.${16 + (c % 239)}`
}

/** An address that is nobody's: RFC 3849. */
export function documentationAddress(random: RandomBytes): string {
  const groups = Buffer.from(random(12)).toString('hex').match(/.{4}/g) ?? []
  return ['2001', 'db8', ...groups.map((group) => (Number.parseInt(group, 16) | 0x1000).toString(16))].join(':')
}

const list = z.strictObject({
  version: z.literal(1),
  run: z.string().min(1).max(100),
  canaries: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[a-z0-9.-]{1,60}$/),
        field: z.string().regex(/^F\d\d$/),
        kind: z.enum(kinds),
        value: z.string().min(8).max(1024),
      }),
    )
    .min(1)
    .max(100_000),
})

export function writeCanaries(run: string, canaries: readonly Canary[]): string {
  const shown = canaries.filter(({ secret }) => secret !== true)
  return `${JSON.stringify({ version: 1, run, canaries: shown }, null, 1)}\n`
}

/** Throws TypeError, with the place and what is wrong with it, for anything but what `writeCanaries` writes. */
export function readCanaries(text: string): { readonly run: string; readonly canaries: readonly Canary[] } {
  const found = list.safeParse(jsonOf(text))
  if (found.success) return found.data
  const [issue] = found.error.issues
  throw new TypeError(`not a list of canaries: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError('not a list of canaries: not JSON')
  }
}
