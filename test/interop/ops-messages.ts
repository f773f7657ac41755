/** Door ops of Binary HTTP and the small text rules: bhttp.decode, bhttp.encode, incremental, padme. */
import { fromHex, hex } from '../../shared/bytes.ts'
import { RequestDecoder, requestOf, ResponseDecoder, responseOf } from '../../shared/bhttp/decode.ts'
import { encode } from '../../shared/bhttp/encode.ts'
import {
  framingIndicators,
  type BinaryRequest,
  type BinaryResponse,
  type Field,
  type Framing,
  type Kind,
} from '../../shared/bhttp/message.ts'
import { padme } from '../../shared/bhttp/padding.ts'
import { incremental } from '../../shared/http/incremental.ts'
import { Refusal } from '../../shared/refusal.ts'
import { made, type Case, type Op } from './case.ts'

export const messageOps: Readonly<Record<string, Op>> = {
  'bhttp.decode': (input) => (kindOf(input) === 'request' ? decodedRequest(input) : decodedResponse(input)),
  'bhttp.encode': (input) => {
    const message = kindOf(input) === 'request' ? requestIn(input) : responseIn(input)
    return made(() => hex(encode(message)))
  },
  incremental: (input) => ({ result: incremental(input.texts('field_lines')) }),
  padme: (input) => ({ padded: padme(input.integer('length')) }),
}

function kindOf(input: Case): Kind {
  const kind = input.text('kind')
  if (kind === 'request' || kind === 'response') return kind
  throw new Refusal('bad-encoding', 'kind is request or response')
}

function decodedRequest(input: Case): object {
  const decoder = new RequestDecoder()
  const { method, scheme, authority, path, ...rest } = requestOf([
    ...input.pieces().flatMap((piece) => decoder.push(piece)),
    ...decoder.end(),
  ])
  return { framing: framingIndicators.request[rest.framing], method, scheme, authority, path, ...bodyOut(rest) }
}

function decodedResponse(input: Case): object {
  const decoder = new ResponseDecoder()
  const { status, informational, ...rest } = responseOf([
    ...input.pieces().flatMap((piece) => decoder.push(piece)),
    ...decoder.end(),
  ])
  return {
    framing: framingIndicators.response[rest.framing],
    informational: informational.map((one) => ({ status: one.status, fields: one.headers })),
    status,
    ...bodyOut(rest),
  }
}

function bodyOut(message: Pick<BinaryRequest, 'headers' | 'content' | 'trailers' | 'padding'>): object {
  const { headers, content, trailers, padding } = message
  return { headers, content: hex(content), trailers, padding }
}

/** The object to encode stands in `decoded`, in `message`, or in the case itself. */
function messageOf(input: Case): Case {
  for (const name of ['decoded', 'message']) if (input.has(name)) return input.object(name)
  return input
}

function requestIn(input: Case): BinaryRequest {
  const from = messageOf(input)
  const [method, scheme, authority, path] = (['method', 'scheme', 'authority', 'path'] as const).map((name) =>
    from.text(name),
  ) as [string, string, string, string]
  return { kind: 'request', method, scheme, authority, path, ...bodyIn(from, 'request') }
}

function responseIn(input: Case): BinaryResponse {
  const from = messageOf(input)
  const informational = (from.has('informational') ? from.list('informational') : []).map((one) => ({
    status: one.integer('status'),
    headers: fieldsIn(one, one.has('fields') ? 'fields' : 'headers'),
  }))
  return { kind: 'response', informational, status: from.integer('status'), ...bodyIn(from, 'response') }
}

function bodyIn(from: Case, kind: Kind) {
  return {
    framing: framingIn(from, kind),
    headers: fieldsIn(from, 'headers'),
    content: from.has('content') ? from.hex('content') : fromHex(''),
    trailers: fieldsIn(from, 'trailers'),
    padding: from.has('padding') ? from.integer('padding') : 0,
  }
}

function framingIn(from: Case, kind: Kind): Framing {
  const indicators = framingIndicators[kind]
  const framing = from.has('framing') ? from.integer('framing') : indicators.known
  if (framing === indicators.known) return 'known'
  if (framing === indicators.indeterminate) return 'indeterminate'
  throw new Refusal('bad-framing', `${framing} is no framing of a ${kind}`)
}

function fieldsIn(from: Case, name: string): Field[] {
  if (!from.has(name)) return []
  return from.array(name).map((line) => {
    if (!Array.isArray(line) || line.length !== 2) throw new Refusal('bad-encoding', `${name}: [name, value] expected`)
    const [field, value] = line as unknown[]
    if (typeof field !== 'string' || typeof value !== 'string')
      throw new Refusal('bad-encoding', `${name}: text expected`)
    return [field, value]
  })
}
