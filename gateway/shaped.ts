/**
 * What a gateway does not take in a profile that shapes traffic: a size that only one client has, and an upload at its
 * client's pace. wire.md "Padding" and "Traffic shaping profiles", RFC 10036 §3. A relay of the same profile stops both
 * before; a relay that has another one must not undo it.
 */
import { problem, type Problem } from '../shared/http/problem.ts'
import { incrementalRefused } from '../shared/http/incremental-words.ts'
import { onGrid } from '../shared/shaping/buckets.ts'
import type { Profile } from '../shared/shaping/profile.ts'

type Field = (name: string) => string | undefined

/** The refusal of a request with this head, before anything of its content is read. */
export function misfit(profile: Profile, field: Field): Problem | undefined {
  if (profile === 'direct') return undefined
  const incremental = field('incremental')
  if (incremental !== undefined && incremental !== '?0') return passedOn
  // Who stored it whole knows its length and says so; Node holds him to it.
  const length = field('content-length') ?? ''
  return /^\d{1,12}$/.test(length) && onGrid(Number(length)) ? undefined : offGrid
}

const passedOn = problem(501, { proxyStatus: incrementalRefused })
const offGrid = problem(400)
