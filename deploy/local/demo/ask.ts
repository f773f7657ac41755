/** The client of the demo: one chat completion through the pair, token by token. */
import { readFileSync } from 'node:fs'
import type { AllowSimulated } from '../../../shared/attestation/policy.ts'
import { eventData } from '../../../shared/client/commands/events.ts'
import { createObliviousFetch, type ObliviousFetch, type Verdict } from '../../../shared/client/index.ts'
import type { Pair } from '../pair/pair.ts'
import { appOrigin } from '../pair/settings.ts'

export type Question = {
  /** `front` where it says nothing */
  readonly pair: Pick<Pair, 'relay' | 'trust'> & Partial<Pick<Pair, 'leave' | 'placement'>>
  readonly message: string
  /** the first that the app offers, if undefined */
  readonly model: string | undefined
  /** each piece of the answer as it is opened */
  readonly write: (text: string) => void
  /** what the client verified before it sent anything */
  readonly verified?: (verdict: Verdict) => void
}

/** The whole answer. Throws what the client throws, and an Error if the app refuses. */
export async function ask({ pair, message, model, write, verified }: Question): Promise<string> {
  const fetch = visitor(pair)
  try {
    const verdict = await fetch.ready()
    verified?.(verdict)
    const body = JSON.stringify({
      model: model ?? (await firstModel(fetch)),
      stream: true,
      messages: [
        { role: 'system', content: 'Summarise the text that the user sends.' },
        { role: 'user', content: message },
      ],
    })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${appOrigin}/v1/chat/completions`, { method: 'POST', headers, body })
    if (!answer.ok || answer.body === null) throw new Error(`the app answered ${answer.status}: ${await answer.text()}`)
    return await streamed(answer.body, write)
  } finally {
    await fetch.close()
  }
}

/** A client of this pair; in `front` it judges no evidence, and so needs no leave. */
export function visitor({ relay, trust, leave, placement = 'front' }: Question['pair']): ObliviousFetch {
  const given = placement === 'front' || leave === undefined ? undefined : readFileSync(leave, 'utf8')
  const judging = given === undefined ? {} : { allowSimulated: JSON.parse(given) as AllowSimulated }
  const text = readFileSync(trust, 'utf8')
  return createObliviousFetch({ relay, trust: text, placement, plaintextLoopback: true, ...judging })
}

/** To the end of the content and not of the talk: in `paced` they differ, and who leaves in between shows where. */
async function streamed(body: ReadableStream<Uint8Array>, write: (text: string) => void): Promise<string> {
  let whole = ''
  let done = false
  for await (const data of eventData(body)) {
    done ||= data === '[DONE]'
    if (done) continue
    const event = JSON.parse(data) as { choices?: { delta?: { content?: string | null } }[] }
    const text = event.choices?.[0]?.delta?.content ?? ''
    whole += text
    write(text)
  }
  if (done) return whole
  throw new Error('the answer ended before its end')
}

async function firstModel(fetch: typeof globalThis.fetch): Promise<string> {
  const answer = await fetch(`${appOrigin}/v1/models`)
  const { data } = (await answer.json()) as { data?: { id?: string }[] }
  const id = data?.[0]?.id
  if (id === undefined) throw new Error('the model server offers no model; name one with --model')
  return id
}
