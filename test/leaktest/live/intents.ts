/** Kinds of request that an observer of lengths would like to tell apart: octets asked and told, from a word to a document. */

export type Intent = { readonly asked: number; readonly told: number }

/** Most of the buckets are met in both directions (1K, 4K, 16K, 64K), and some kinds share a bucket. */
export const intents: readonly Intent[] = [
  { asked: 380, told: 300 },
  { asked: 520, told: 2_400 },
  { asked: 1_700, told: 700 },
  { asked: 2_900, told: 9_000 },
  { asked: 5_200, told: 3_100 },
  { asked: 11_000, told: 21_000 },
  { asked: 24_000, told: 1_300 },
  { asked: 700, told: 40_000 },
]
