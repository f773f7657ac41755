/**
 * A reply draft made from a message: whom to greet, in which tone, what was asked, which times were named and what was requested.
 * It invents no answers: where only the writer can know, it leaves a blank.
 */
import { languageOf } from './language.ts'
import { phrases } from './phrases.ts'
import type { Phrases, Tone } from './phrases.ts'
import { sentences } from './text.ts'
import type { Sentence } from './text.ts'

const most = 4 // of each list: a draft is to be read, not scrolled

export type Reading = {
  readonly greet: { readonly kind: 'group' | 'formal' | 'person' | 'nobody'; readonly name?: string }
  readonly tone: Tone
  readonly questions: readonly string[]
  readonly requests: readonly string[]
  readonly times: readonly string[]
}

/** What a reply has to take up. */
export function readMessage(text: string): Reading {
  const all = sentences(text)
  const questions = all.filter(isQuestion)
  const requests = all.filter((sentence) => !isQuestion(sentence) && request.test(sentence.text))
  return {
    greet: greetOf(text, all),
    tone: toneOf(text),
    questions: lastOf(questions),
    requests: lastOf(requests),
    times: timesIn(text),
  }
}

/** The draft, in the message's language where that is one of ours, else in English around the message's own words. */
export function compose(text: string): string {
  const reading = readMessage(text)
  const say = phrases[languageOf(text) ?? 'en']
  return [
    greeting(reading.greet, say),
    say.opening[reading.tone],
    listed(
      say.questions,
      reading.questions.map((question) => `“${question}” ${say.blank}`),
    ),
    reading.times.length === 0 ? '' : `${say.noted} ${reading.times.join(' · ')}`,
    listed(
      say.todo,
      reading.requests.map((sentence) => `“${sentence}”`),
    ),
    say.closing,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function greeting({ kind, name }: Reading['greet'], say: Phrases): string {
  if (kind === 'group') return `${say.everyone},`
  if (name === undefined) return `${say.hello},`
  return `${kind === 'formal' ? say.dear : say.hello} ${name},`
}

function listed(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [title, ...lines.map((line) => `- ${line}`)].join('\n')
}

function greetOf(text: string, all: readonly Sentence[]): Reading['greet'] {
  const speakers = new Set(all.map(({ speaker }) => speaker).filter((speaker) => speaker !== undefined))
  const [first] = speakers
  if (speakers.size > 1) return { kind: 'group' }
  const name = first ?? signature(text) ?? signature(all.at(-1)?.text ?? '')
  const kind = formal.test(text.slice(0, 200)) ? 'formal' : name === undefined ? 'nobody' : 'person'
  return name === undefined ? { kind } : { kind, name }
}

/** The name under a letter: the last short line, if it stands below a closing formula or beside one. */
function signature(text: string): string | undefined {
  const lines = text.trim().split(/\r?\n/u).slice(-3)
  const last = lines.at(-1)?.trim() ?? ''
  const beside = closing.exec(last)?.[1]?.trim()
  if (beside !== undefined && isName(beside)) return beside
  const above = lines.slice(0, -1).some((line) => closing.test(line.trim()))
  return above && isName(last) ? last : undefined
}

function isName(text: string): boolean {
  return /^\p{Lu}[\p{L}\p{M}'’.-]*(?: \p{Lu}[\p{L}\p{M}'’.-]*){0,2}$/u.test(text) && text.length <= 40
}

function isQuestion({ text }: Sentence): boolean {
  return /[?？؟;]["'”»)\]]*$/u.test(text) && !/;["'”»)\]]*$/u.test(text)
}

/** The latest ones: in a conversation the early questions are the answered ones. */
function lastOf(list: readonly Sentence[]): string[] {
  return [...new Set(list.map(({ text }) => text))].slice(-most)
}

function toneOf(text: string): Tone {
  return (Object.keys(tones) as (keyof typeof tones)[]).find((tone) => tones[tone].test(text)) ?? 'plain'
}

function timesIn(text: string): string[] {
  // The time of a chat line is when it was sent, not what it speaks of.
  const spoken = sentences(text)
    .map((sentence) => sentence.text)
    .join('\n')
  return [...new Set([...spoken.matchAll(time)].map(([found]) => found.trim()))].slice(0, 6)
}

const closing =
  /^(?:(?:kind |best |warm )?(?:regards|wishes)|best|cheers|thanks|thank you|love|yours|sincerely|(?:viele |liebe |beste |herzliche )?(?:grüße|gruß)|mit freundlichen grüßen|lg|vg|mfg|cordialement|bien à (?:vous|toi)|bises|amicalement|(?:un )?saludos?|(?:un )?abrazo|besos|atentamente)\b[\s,!.]*(.*)$/iu

const formal =
  /^\s*(?:dear (?:mr|mrs|ms|dr|prof|sir|madam)|sehr geehrte|estimad[oa]|(?:cher|chère) (?:monsieur|madame)|madame|monsieur)/iu

const tones: Record<Exclude<Tone, 'plain'>, RegExp> = {
  sad: /\b(?:died|passed away|funeral|cancer|carcinoma|tumou?r|diagnos\w+|hospice|miscarriage|gestorben|verstorben|beerdigung|krebs|tumor|trauer|décédée?|obsèques|cancer|deuil|fallecid[oa]|falleció|murió|funeral|cáncer)\b|😢|😭|💔/iu,
  glad: /\b(?:congratulations|congrats|great news|good news|engaged|got the job|passed the exam|glückwunsch|gratulier\w*|gute nachricht(?:en)?|verlobt|bestanden|félicitations|bonne nouvelle|felicidades|enhorabuena|buenas noticias)\b|🎉|🥳|🎂/iu,
  sorry:
    /\b(?:i am sorry|i'm sorry|sorry for|my apologies|apologi[sz]e|entschuldig\w*|tut mir leid|désolée?|excusez|lo siento|perdón|disculp\w+)\b/iu,
  urgent:
    /\b(?:urgent(?:ly)?|asap|immediately|right away|deadline|dringend|sofort|eilt|frist|urgente?|tout de suite|immédiatement|inmediatamente|cuanto antes)\b|!!!|‼/iu,
}

const request =
  /\b(?:please|could you|can you|would you|let me know|make sure|remember to|do not forget|don't forget|(?:we|you) (?:have|need) to|(?:we|you) must|bitte|denk(?:t|en sie)? daran|vergiss nicht|(?:wir|du|sie|ihr) m(?:üssen|usst|üsst)|s'il (?:te|vous) pla[iî]t|merci de|n'oublie[zs]?|il faut|por favor|hay que|no (?:te )?olvides|ten(?:emos|éis) que)\b|请|請|ください|부탁/iu

const day =
  'monday|tuesday|wednesday|thursday|friday|saturday|sunday|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo'
const month =
  'january|february|march|april|may|june|july|august|september|october|november|december|januar|februar|märz|mai|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre'
const clock = String.raw`\d{1,2}[:.h]\d{2}(?:\s?(?:am|pm|uhr))?|\d{1,2}\s?(?:am|pm|uhr|heures|h)\b|noon|midnight|mittag|mitternacht|midi|minuit|mediodía|medianoche`
const date = String.raw`\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.(?:\d{2,4})?|\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{1,2}(?:st|nd|rd|th|\.)?\s(?:de\s)?(?:${month})(?:\s\d{4})?|(?:${month})\s\d{1,2}(?:st|nd|rd|th)?(?:,?\s\d{4})?`
const weekday = String.raw`(?:${day})(?:\s(?:morning|noon|afternoon|evening|night|früh|morgen|mittag|nachmittag|abend|matin|midi|soir))?`
const time = new RegExp(
  String.raw`(?<![\p{L}\d])(?:${weekday},?(?:\s(?:${date}))?(?:,?\s(?:at|um|à|a las)\s(?:${clock}))?|(?:${date})(?:,?\s(?:at|um|à|a las)\s(?:${clock}))?|${clock}|tomorrow|tonight|morgen früh|heute abend|demain|ce soir|mañana por la mañana|esta noche)(?![\p{L}\d])|\d{1,2}月\d{1,2}日|(?:午前|午後|上午|下午)?\d{1,2}[时時点]`,
  'giu',
)
