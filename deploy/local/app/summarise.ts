/**
 * An extractive summary: sentences of the text itself, chosen and kept in their order, so that it never says what the text does not.
 * Weights are sentence frequencies of stems (after Luhn 1958), against redundancy as in maximal marginal relevance (Carbonell 1998).
 */
import { isCommon } from './language.ts'
import { sentences, words } from './text.ts'
import type { Sentence } from './text.ts'

export type SummaryOptions = {
  /** how many sentences; chosen from the text's length when absent */
  readonly count?: number
}

type Candidate = { readonly at: number; readonly stems: ReadonlySet<string>; score: number }

/** Never empty for text with at least one visible character; work grows with the length of the text, not its square. */
export function summarise(text: string, { count }: SummaryOptions = {}): Sentence[] {
  const all = sentences(text)
  const wanted = Math.min(all.length, Math.max(1, count ?? usualCount(all.length)))
  if (wanted === all.length) return all
  const candidates = scored(all)
  return choose(candidates, wanted).map(({ at }) => all[at] as Sentence)
}

/** Prose reads on as a paragraph; a chat becomes one line for each thing said, with who said it. */
export function summaryText(chosen: readonly Sentence[]): string {
  if (chosen.some(({ speaker }) => speaker !== undefined)) {
    return chosen.map(({ speaker, text }) => (speaker === undefined ? `- ${text}` : `- ${speaker}: ${text}`)).join('\n')
  }
  return chosen.map(({ text }) => text).reduce((whole, next) => whole + glue(whole) + next, '')
}

/** Grows like the square root: 1 of 2, 3 of 6, 6 of 30, at most 12. */
function usualCount(total: number): number {
  return Math.min(12, Math.round(1.1 * Math.sqrt(total)))
}

/** No space after the full stops of scripts that write none. */
function glue(before: string): string {
  return before === '' || /[\u3001-\u301f\uff01-\uff60]$/u.test(before) ? '' : ' '
}

function scored(all: readonly Sentence[]): Candidate[] {
  const stems = all.map(({ text }) => stemsOf(text))
  const frequency = new Map<string, number>()
  for (const set of stems) for (const stem of set) frequency.set(stem, (frequency.get(stem) ?? 0) + 1)
  return stems.map((set, at) => ({ at, stems: set, score: weigh(set, at, all, frequency) }))
}

function weigh(
  stems: ReadonlySet<string>,
  at: number,
  all: readonly Sentence[],
  frequency: Map<string, number>,
): number {
  let sum = 0
  for (const stem of stems) sum += weightOf(stem, frequency.get(stem) ?? 1, all.length)
  // Between a sum (favours the long) and a mean (favours the short).
  const density = sum / Math.sqrt(stems.size + 4)
  const text = all[at]?.text ?? ''
  return density * (1 + lead(at, all.length) + (/\p{Nd}/u.test(text) ? 0.15 : 0) + (/[?？؟]/u.test(text) ? 0.05 : 0))
}

/** A word is worth more the more sentences speak of it, until so many do that it tells nothing. */
function weightOf(stem: string, inSentences: number, total: number): number {
  if (isCommon(stem)) return 0.05
  const share = inSentences / total
  return Math.log2(1 + inSentences) * (total > 8 && share > 0.3 ? 0.3 : 1)
}

/** Texts say what they are about first, and often once more at the end. */
function lead(at: number, total: number): number {
  if (at === 0) return 0.3
  return at < total * 0.1 || at === total - 1 ? 0.12 : 0
}

/** Takes the best again and again, each time against what is already said. */
function choose(candidates: readonly Candidate[], wanted: number): Candidate[] {
  // Redundancy is judged among the best only, or a book would cost its square.
  const pool = [...candidates].sort((a, b) => b.score - a.score || a.at - b.at).slice(0, wanted * 8 + 16)
  const chosen: Candidate[] = []
  while (chosen.length < wanted) {
    const best = pool.reduce((a, b) => (worth(b, chosen) > worth(a, chosen) ? b : a))
    chosen.push(best)
    pool.splice(pool.indexOf(best), 1)
  }
  return chosen.sort((a, b) => a.at - b.at)
}

function worth(candidate: Candidate, chosen: readonly Candidate[]): number {
  const overlap = Math.max(0, ...chosen.map((other) => similarity(candidate.stems, other.stems)))
  return candidate.score * (1 - overlap)
}

function similarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0
  return a.intersection(b).size / Math.sqrt(a.size * b.size)
}

/** Crude on purpose: the first seven letters tell "meeting" from "train" and not from "meetings", in most languages with endings. */
function stemsOf(text: string): ReadonlySet<string> {
  return new Set(words(text).map((word) => word.normalize('NFKC').toLowerCase().slice(0, 7)))
}
