/** From a conversation to an answer: which task is meant, which text is meant, and the answer itself. */
import { compose } from './compose.ts'
import type { ChatRequest, Turn } from './openai.ts'
import { summarise, summaryText } from './summarise.ts'

/** `default` decides by what the conversation asks for; the others do what their name says. */
export const models = ['default', 'asunder-summarise', 'asunder-compose'] as const
export type Model = (typeof models)[number]

type Task = { readonly verb: 'summarise' | 'compose'; readonly count?: number }

const composing =
  /\b(?:compose|draft|reply|respond|answer|write|antwort\w*|schreib\w*|verfass\w*|entw[iu]rf\w*|réponds?|répondre|rédige\w*|responde\w*|redacta\w*|escribe)\b|返信|回复|回覆|답장/iu
const summarising =
  /\b(?:summar\w+|sum\b.{0,12}\bup|tl;?dr|shorten\w*|shorter|condense|gist|key points|fass\w*|zusammenfass\w*|kürze\w*|résum\w+|resum\w+)\b|要約|まとめ|总结|總結|摘要|요약/iu
const longestInstruction = 300

export function isModel(name: string): name is Model {
  return (models as readonly string[]).includes(name)
}

/** The same conversation gives the same answer. Empty only if there is nothing to read. */
export function answer({ model, turns }: Pick<ChatRequest, 'turns'> & { readonly model: Model }): string {
  const { instruction, text } = subject(turns)
  const task = taskOf(model, `${systemOf(turns)}\n${instruction}`)
  if (text.trim() === '') return 'There is no text in the message. Send the text as the user message.'
  if (task.verb === 'compose') return compose(text)
  return summaryText(summarise(text, task.count === undefined ? {} : { count: task.count }))
}

/** The user's text without a leading "Summarise this:"; a bare instruction speaks of the text before it. */
function subject(turns: readonly Turn[]): { instruction: string; text: string } {
  const said = turns.filter(({ role }) => role === 'user').map(({ text }) => text)
  const last = said.at(-1) ?? ''
  const [whole, instruction] = leading.exec(last.slice(0, longestInstruction * 2)) ?? []
  if (whole !== undefined && instruction !== undefined && asks(instruction)) {
    return { instruction, text: last.slice(whole.length) }
  }
  const earlier = said.slice(0, -1).findLast((text) => text.length > last.length)
  if (earlier !== undefined && last.length <= longestInstruction && asks(last))
    return { instruction: last, text: earlier }
  return { instruction: '', text: last }
}

/** A first line or sentence that ends in a colon or stands apart by an empty line. */
const leading = /^\s*([^\n]{1,300}?)(?::\s*\n|:\s+|\n\s*\n)/u

function asks(text: string): boolean {
  return composing.test(text) || summarising.test(text)
}

function systemOf(turns: readonly Turn[]): string {
  return turns
    .filter(({ role }) => role === 'system')
    .map(({ text }) => text)
    .join('\n')
}

function taskOf(model: Model, instruction: string): Task {
  const count = countIn(instruction)
  const summary: Task = count === undefined ? { verb: 'summarise' } : { verb: 'summarise', count }
  if (model !== 'default') return model === 'asunder-compose' ? { verb: 'compose' } : summary
  return composing.test(instruction) && !summarising.test(instruction) ? { verb: 'compose' } : summary
}

const numbers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']

/** "in three sentences", "5 bullet points", "in 2 Sätzen" */
function countIn(instruction: string): number | undefined {
  const found =
    /\b(\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)\s+(?:short\s+)?(?:sentences?|bullets?|bullet points|points?|lines?|sätzen?|satz|phrases?|frases?)\b/iu.exec(
      instruction,
    )?.[1]
  if (found === undefined) return undefined
  const count = /^\d/u.test(found) ? Number(found) : numbers.indexOf(found.toLowerCase()) + 1
  return count > 0 ? count : undefined
}
