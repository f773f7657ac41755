/**
 * Random numbers that come again: a seed and a name give the same stream on every machine, and streams of other names
 * stay as they are when one of them is asked more often. Good for experiments, useless for secrets.
 * Generator: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", TOMS 2021).
 */

export type Rng = {
  /** a whole number below 2^32 */
  readonly uint32: () => number
  /** in [0, 1), a multiple of 2^-53 */
  readonly uniform: () => number
  /** a whole number below `bound`, each equally likely */
  readonly below: (bound: number) => number
  /** A stream of its own: the same seed and path of names give the same numbers. */
  readonly fork: (name: string) => Rng
}

export function createRng(seed: number, path = ''): Rng {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new TypeError('a seed is a whole number from 0')
  const uint32 = xoshiro128starstar(words(`${seed}/${path}`))
  return {
    uint32,
    uniform: () => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53,
    below: (bound) => below(bound, uint32),
    fork: (name) => createRng(seed, `${path}/${name}`),
  }
}

export type State = readonly [number, number, number, number]

/** The generator alone, from a state that is not all zero. */
export function xoshiro128starstar(state: State): () => number {
  let [a, b, c, d] = state
  if ((a | b | c | d) === 0) throw new TypeError('a state of zeros stays zero')
  return () => {
    const out = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotated(d, 11)
    return out
  }
}

// The uneven rest of 2^32 is thrown again; this is not the product's shuffle, which these numbers are there to test.
function below(bound: number, uint32: () => number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) throw new TypeError('a bound is from 1 to 2^32')
  const fair = 2 ** 32 - (2 ** 32 % bound)
  for (;;) {
    const thrown = uint32()
    if (thrown < fair) return thrown % bound
  }
}

/** Four words from a text: FNV-1a over its characters with four offsets, each finished with MurmurHash3's mixer. */
function words(text: string): State {
  const word = (offset: number): number => {
    let hash = (0x811c9dc5 ^ offset) >>> 0
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    return mixed(hash ^ Math.imul(offset, 0x9e3779b9))
  }
  return [word(1), word(2), word(3), word(4) | 1]
}

function mixed(hash: number): number {
  let out = hash
  out = Math.imul(out ^ (out >>> 16), 0x85ebca6b)
  out = Math.imul(out ^ (out >>> 13), 0xc2b2ae35)
  return (out ^ (out >>> 16)) >>> 0
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
