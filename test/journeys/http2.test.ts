/** The whole pair with nothing but HTTP/2 between the operators: answers that stream, and several at a time on one connection. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import type { ObliviousFetch } from '../../shared/client/index.ts'
import { clientOf } from './soak.ts'

type Listen = { readonly listen: object }

describe.each(['front', 'sealed'] as const)('in %s, over HTTP/2 alone', (placement) => {
  let pair: Pair
  let fetch: ObliviousFetch

  beforeAll(async () => {
    pair = await startPair({
      ...{ placement, pace: 20, links: 24 },
      settings: (service, settings) => {
        if (service === 'relay') return { ...settings, upstream: { http: 2, connections: 1, streams: 48 } }
        if (service !== 'gateway') return settings
        return { ...settings, listen: { ...(settings as Listen).listen, http: [2] } }
      },
    })
    fetch = clientOf(pair)
  }, 60_000)
  afterAll(async () => {
    await fetch.close()
    await pair.stop()
  })

  const talk = async (): Promise<{ readonly text: string; readonly parts: number }> => {
    const answer = await fetch(`${appOrigin}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'asunder-summarise',
        stream: true,
        messages: [{ role: 'user', content: 'a '.repeat(40) }],
      }),
    })
    const said = new TextDecoder()
    let text = ''
    let parts = 0
    for await (const part of answer.body as AsyncIterable<Uint8Array>) {
      parts++
      text += said.decode(part, { stream: true })
    }
    return { text, parts }
  }

  test('a request is answered', async () => {
    expect((await fetch(`${appOrigin}/v1/models`)).status).toBe(200)
  })

  test('streams run beside each other on one connection, each to its own end, word by word', async () => {
    const told = await Promise.all(Array.from({ length: 6 }, talk))
    for (const { text, parts } of told) {
      expect(text).toContain('data: [DONE]')
      expect(parts).toBeGreaterThan(5)
    }
  })
})
