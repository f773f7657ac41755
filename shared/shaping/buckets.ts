/**
 * Sizes that say little: a few buckets for small messages, PADMÉ above them. RFC 9292 §3.8, RFC 9458 §6.2.3,
 * wire.md "Padding". PADMÉ (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with
 * PURBs", PETS 2019) leaks O(log log L) bits of a length L and adds at most 12 percent. Arithmetic only, in a room
 * that a relay may hold: it tells sizes on the grid from others without knowing what they are sizes of.
 */

const kibi = 1024

/** Complete encapsulated sizes, KEM output and tag included. */
export const buckets = [kibi, 4 * kibi, 16 * kibi, 64 * kibi, 256 * kibi] as const

/** The smallest PADMÉ size that holds `length`: its low bits, all but floor(log2 floor(log2 L)) + 1, are zero. */
export function padme(length: number): number {
  checkLength(length)
  if (length < 2) return length
  const exponent = log2(length)
  const step = 2 ** (exponent - log2(exponent) - 1)
  return Math.ceil(length / step) * step
}

/** The size that an encapsulated message of `length` octets is brought to. */
export function bucket(length: number): number {
  return fitting(buckets, length) ?? padme(length)
}

/** Whether a message of this size tells no more than its bucket. */
export function onGrid(length: number): boolean {
  return bucket(length) === length
}

/** The smallest of `sizes` (ascending) that holds `length`; undefined when none does, which only the caller can judge. */
export function fitting(sizes: readonly number[], length: number): number | undefined {
  checkLength(length)
  return sizes.find((size) => length <= size)
}

/** The smallest power of two that is at least `count`: how many cells a stream has that needs `count` (wire.md, `paced`). */
export function powerOfTwo(count: number): number {
  checkLength(count)
  if (count < 2) return 1
  return 2 ** (log2(count - 1) + 1)
}

/** Floor of the binary logarithm by counting bits: Math.log2 leaves its rounding to the engine. */
function log2(value: number): number {
  const high = Math.floor(value / 2 ** 32)
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value)
}

// Below 2^52 every padded size is still an exact number.
function checkLength(length: number): void {
  if (!Number.isInteger(length) || length < 0 || length > 2 ** 52) throw new TypeError('a length is a whole number')
}
