/** Text in any script: sentences and words. Unicode UAX #29 through Intl.Segmenter, with mends where its rules know too little. */

export type Sentence = {
  /** as written, white space runs made one space */
  readonly text: string
  /** who said it, when the text is a chat and the line says so */
  readonly speaker?: string
}

/** Longer units than this (text without punctuation, tables, code) are cut at the next word boundary. In UTF-16 units. */
const longest = 400

// After these a capital letter does not begin a sentence; UAX #29 has no list of abbreviations.
const abbreviations = new Set(
  (
    'dr mr mrs ms mx prof st sr jr no nr nos vs approx dept est fig gen gov hon capt col lt sgt rep sen rev univ vol pp ed ' +
    'e.g i.e cf z.b bzw ca u.a d.h vgl hr fr str tel abs art evtl ggf inkl exkl max min mio mrd ' +
    'jan feb mar apr jun jul aug sep sept oct okt nov dec dez mon tue wed thu fri sat sun ' +
    'm mme mlle mgr av sra srta ud uds dra sig dott ing avv r.a'
  ).split(' '),
)

/** Months of the languages that write "14. März". */
const ordinalMonth =
  /^(?:jan|feb|mär|maer|apr|mai|maj|jun|jul|aug|sep|okt|nov|dez|des|tammi|helmi|maalis|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu)/iu

/** Scripts whose sentences end in a space, if in anything. */
const unpunctuated = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

const sentenceCutter = new Intl.Segmenter('en', { granularity: 'sentence' })
const wordCutter = new Intl.Segmenter('en', { granularity: 'word' })

/** `[12/03/25, 19:02] Anna: text`, `19:02 - Anna: text` or `Anna (19:02): text`; a time is what tells a chat from prose. */
const chatLine =
  /^[\s\u200e]*(?:\[[^\]\n]{3,40}\]|(?:\d[\d./-]{3,10},?\s+)?\d{1,2}[:.]\d{2}(?:\s?[ap]m)?(?:\s+[-–])?)\s*([^\s:][^:\n]{0,40}):\s+(.*)$|^\s*([^\s:][^:(\n]{0,40})\s\(\d{1,2}[:.]\d{2}\):\s+(.*)$/iu

/** Every sentence of the text, in order. Text with at least one visible character has at least one. */
export function sentences(text: string): Sentence[] {
  const out: Sentence[] = []
  for (const block of blocks(text)) {
    for (const part of splitBlock(block.text)) {
      out.push(block.speaker === undefined ? { text: part } : { text: part, speaker: block.speaker })
    }
  }
  return out
}

/** Words in reading order, as written. Scripts without spaces are cut by dictionary (UAX #29, ICU). */
export function words(text: string): string[] {
  return [...wordCutter.segment(text)].filter((segment) => segment.isWordLike === true).map(({ segment }) => segment)
}

/** Pieces for streaming: a word with what follows it. Joined they are the text. */
export function pieces(text: string): string[] {
  const out: string[] = []
  for (const { segment, isWordLike } of wordCutter.segment(text)) {
    const before = isWordLike === true ? undefined : out.pop()
    out.push((before ?? '') + segment)
  }
  return out
}

/** What usage reports count: words and other visible marks. No tokenizer of a real model counts exactly so. */
export function countTokens(text: string): number {
  let count = 0
  for (const { segment } of wordCutter.segment(text)) if (segment.trim() !== '') count++
  return count
}

type Block = { readonly text: string; readonly speaker?: string }

/** Paragraphs: lines that belong together, so that hard-wrapped prose is read on while lists, headings and chats are not. */
function blocks(text: string): Block[] {
  const out: Block[] = []
  let open: { text: string; speaker?: string } | undefined
  for (const line of text.split(/\r\n|[\n\r\u2028\u2029]/u)) {
    const chat = chatLine.exec(line)
    const speaker = chat?.[1] ?? chat?.[3]
    if (speaker !== undefined) {
      open = { speaker: speaker.trim(), text: chat?.[2] ?? chat?.[4] ?? '' }
      out.push(open)
    } else if (line.trim() === '') {
      open = undefined
    } else if (open === undefined || /^\s*(?:[-*•–]|\d{1,2}[.)]|#{1,6})\s/u.test(line)) {
      open = { text: line }
      out.push(open)
    } else {
      open.text += `\n${line}`
    }
  }
  return out
}

function splitBlock(text: string): string[] {
  const out: string[] = []
  let open = ''
  for (const { segment } of sentenceCutter.segment(text.replace(/\s+/gu, ' '))) {
    if (open !== '' && (open.length > longest || !unfinished(open.slice(-40), segment))) {
      out.push(...shortened(open.trim()))
      open = ''
    }
    open += segment
  }
  out.push(...shortened(open.trim()))
  return out.filter((part) => part !== '')
}

/** Whether the cut between the two was wrong: an abbreviation, an initial, a list number or an ordinal before its month. */
function unfinished(before: string, after: string): boolean {
  const last = /(?:^|[\s("'“„«])([\p{L}\p{M}.]+|\d{1,2})\.\s*$/u.exec(before)?.[1]
  if (last === undefined) return false
  if (/^\d/u.test(last)) return before.trim() === `${last}.` || ordinalMonth.test(after)
  return /^\p{Lu}$/u.test(last) || abbreviations.has(last.toLowerCase())
}

/** Cuts what is too long for one unit at a word's end; a single endless word between code points. */
function shortened(text: string): string[] {
  const most = unpunctuated.test(text) ? 120 : longest
  if (text.length <= most) return [text]
  const out: string[] = []
  let open = ''
  for (const { segment } of wordCutter.segment(text)) {
    for (const part of segment.match(/.{1,400}/gsu) ?? []) {
      if (open !== '' && open.length + part.length > most) {
        out.push(open.trim())
        open = ''
      }
      open += part
    }
  }
  out.push(open.trim())
  return out
}
