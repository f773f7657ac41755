/**
 * Many clients at once through the real pair, some of which leave in the middle: nothing may crash, grow, or be mixed up.
 * Used by the journey test in its short form, and by `npm run soak` for as long as one likes.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import type { Pair } from '../../deploy/local/pair/pair.ts'
import type { AllowSimulated } from '../../shared/attestation/policy.ts'
import { createObliviousFetch, type ObliviousFetch } from '../../shared/client/index.ts'

export type SoakOptions = { readonly clients: number; readonly requests: number; readonly leaving: number }
export type Soaked = { readonly served: number; readonly left: number; readonly wrong: readonly string[] }

const chat = `${appOrigin}/v1/chat/completions`

/** Ten messages, each with words of its own: an answer that belongs to somebody else shows at once. */
const texts = Array.from({ length: 10 }, (_, n) => {
  const mark = `marker${'abcdefghij'[n] ?? ''}`
  return `The ${mark} team met on Monday. We decided that ${mark} ships in June. The budget of ${mark} is 40 thousand. Nobody objected to ${mark}. Please send the ${mark} notes to everyone by Friday.`
})

/** One client of its own: its own bundle, its own connections. */
export function clientOf(pair: Pair): ObliviousFetch {
  const { relay, placement } = pair
  const trust = readFileSync(pair.trust, 'utf8')
  const leave =
    placement === 'front' ? {} : { allowSimulated: JSON.parse(readFileSync(pair.leave, 'utf8')) as AllowSimulated }
  return createObliviousFetch({ relay, trust, placement, plaintextLoopback: true, ...leave })
}

export async function soak(pair: Pair, { clients, requests, leaving }: SoakOptions): Promise<Soaked> {
  const expected = await expectedAnswers(pair)
  const wrong: string[] = []
  let served = 0
  let left = 0
  let next = 0
  const every = Math.floor(requests / leaving)
  const one = async (fetch: ObliviousFetch): Promise<void> => {
    for (let mine = next++; mine < requests; mine = next++) {
      const text = mine % texts.length
      const work = mine % every === 0 ? leave(fetch, texts[text] ?? '') : ask(fetch, texts[text] ?? '', mine % 2 === 0)
      const answer = await work.catch((error: unknown) => `failed: ${String(error)}`)
      if (answer === undefined) left += 1
      else if (answer === expected[text]) served += 1
      else wrong.push(answer)
    }
  }
  const alone = async (): Promise<void> => {
    const fetch = clientOf(pair)
    await one(fetch)
    await fetch.close()
  }
  await Promise.all(Array.from({ length: clients }, alone))
  return { served, left, wrong }
}

/** What the app says to each of the texts. */
export async function expectedAnswers(pair: Pair): Promise<readonly string[]> {
  const reference = clientOf(pair)
  const answers = await Promise.all(texts.map((text) => whole(reference, text)))
  await reference.close()
  return answers
}

/** Asks about one of the texts; throws what the client throws. */
export function askOnce(fetch: ObliviousFetch, text: number, streamed: boolean): Promise<string> {
  return ask(fetch, texts[text] ?? '', streamed)
}

function ask(fetch: ObliviousFetch, text: string, streamed: boolean): Promise<string> {
  return streamed ? stream(fetch, text) : whole(fetch, text)
}

function body(text: string, stream: boolean): RequestInit {
  const messages = [{ role: 'user', content: text }]
  const json = JSON.stringify({ model: 'asunder-summarise', stream, messages })
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: json }
}

async function whole(fetch: ObliviousFetch, text: string): Promise<string> {
  const answer = await fetch(chat, body(text, false))
  if (!answer.ok) return `status ${answer.status}`
  const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] }
  return choices[0]?.message.content ?? ''
}

async function stream(fetch: ObliviousFetch, text: string): Promise<string> {
  const answer = await fetch(chat, body(text, true))
  if (!answer.ok) return `status ${answer.status}`
  const events = (await answer.text()).split('\n\n').filter((event) => event.startsWith('data: {'))
  const deltas = events.map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] })
  return deltas.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
}

/** Leaves after the first bytes of the answer: half by cancelling the body, half by aborting the request. */
async function leave(fetch: ObliviousFetch, text: string): Promise<undefined> {
  const controller = new AbortController()
  const answer = await fetch(chat, { ...body(text, true), signal: controller.signal })
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  if (Math.random() < 0.5) await reader.cancel()
  else controller.abort()
  return undefined
}

export type Holding = { readonly name: string; readonly sockets: number; readonly mebibytes: number }

/** What each process of the pair holds right now; Linux. */
export function holdings(pair: Pair): Holding[] {
  return pair.services.map(({ name, pid }) => {
    const fds = readdirSync(`/proc/${String(pid)}/fd`)
    const sockets = fds.filter((fd) => linkOf(`/proc/${String(pid)}/fd/${fd}`).startsWith('socket:')).length
    const resident = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]
    return { name, sockets, mebibytes: Number(resident) / 1024 }
  })
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed between the look at the folder and the look at the link
  }
}
