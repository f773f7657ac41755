/** What somebody who watches links A and B has of each sealed exchange, beside what the lab knows of it. */
import type { Sizes, Trial } from '../types.ts'
import type { Call, Capture, Phase } from './capture.ts'
import { bodyKey, type Exchange } from './heard.ts'

/** The pieces of one call on both links. A relay keeps its hands off the message, so the message itself joins them. */
export type Followed = { readonly call: Call; readonly a: Exchange; readonly b: Exchange }

export function follow({ links, calls }: Capture, phase?: Phase): Followed[] {
  const index = (link: 'a' | 'b'): Map<string, Exchange> =>
    new Map(links[link].flatMap(({ exchanges }) => exchanges).map((each) => [bodyKey(each.request), each]))
  const [before, behind] = [index('a'), index('b')]
  return calls.flatMap((call) => {
    const key = bodyKey({ body: call.message })
    const [a, b] = [before.get(key), behind.get(key)]
    const wanted = phase === undefined || call.phase === phase
    return !wanted || a === undefined || b === undefined ? [] : [{ call, a, b }]
  })
}

/** Of exchanges that were answered whole. */
export function trialsOf(capture: Capture, phase?: Phase): Trial[] {
  return follow(capture, phase).flatMap(({ call, a, b }): Trial[] => {
    if (a.response === undefined || b.response === undefined) return []
    const size = (raw: number, one: Exchange['request'], other: Exchange['request']): Sizes => ({
      ...{ raw, a: one.body.length, b: other.body.length },
    })
    return [
      {
        client: call.client,
        intent: call.intent,
        request: size(call.asked, a.request, b.request),
        response: size(call.told, a.response, b.response),
        times: { in: a.request.last, out: b.request.last, resp: b.response.last, back: a.response.last },
        upstream: b.connection,
      },
    ]
  })
}
