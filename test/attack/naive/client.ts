/**
 * A client as one writes it in an afternoon: it takes keys from whoever shows them, remembers what servers tell it to,
 * follows wherever it is led, tries again at once, and hands on whatever comes back.
 */
import { decodeResponse } from '../../../shared/bhttp/decode.ts'
import type { DecodedResponse, Field } from '../../../shared/bhttp/message.ts'
import { concat, fromBase64, type Bytes } from '../../../shared/bytes.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { families, mediaTypes } from '../../../shared/http/media-types.ts'
import { sealRequestChunks } from '../../../shared/ohttp/chunked.ts'
import { parseKeyConfigs, selectKey, type Selection } from '../../../shared/ohttp/key-config.ts'
import { sealRequest } from '../../../shared/ohttp/request.ts'
import type { Stage } from '../frame/stage.ts'
import type { Client, ClientOptions } from '../pair/subject.ts'
import { binaryRequest } from '../roles/client.ts'
import { large, politely } from './polite.ts'
import { naivePurse, type NaivePurse } from './tokens.ts'

type Jar = Map<string, string>
type Sealed = { readonly body: Bytes; readonly type: string; readonly open: (body: Bytes) => Promise<Bytes> }

export function naiveClient(_stage: Stage, options: ClientOptions): Client {
  const { relay, gateway } = options.tokens ?? {}
  const purses = { relay: naivePurse(relay), gateway: naivePurse(gateway) }
  const state: Session = { options, outer: new Map(), inner: new Map(), key: undefined, purses }
  return {
    fetch: (url, init = {}) => ask(new URL(url), init, state),
    waits: [],
    close: () => Promise.resolve(),
  }
}

type Session = {
  readonly options: ClientOptions
  readonly outer: Jar
  readonly inner: Jar
  readonly purses: { readonly relay: NaivePurse; readonly gateway: NaivePurse }
  key: Selection | undefined
}

async function ask(url: URL, init: RequestInit, state: Session, tries = 3): Promise<Response> {
  state.key ??= await fetchKey(state)
  const sealed = await seal(url, init, state)
  const answer = await post(sealed, state)
  const type = answer.headers.get('content-type') ?? ''
  const bytes = new Uint8Array(await answer.arrayBuffer())
  if (type.startsWith('message/')) return opened(await openedOrRaw(sealed, bytes), bytes, url, init, state, tries)
  if (answer.status === 400 && tries > 0) {
    state.key = undefined
    return ask(url, init, state, tries - 1)
  }
  return new Response(bytes, { status: answer.status, headers: answer.headers })
}

async function fetchKey({ options: { relay }, outer }: Session): Promise<Selection> {
  const bundle = await fetch(new URL('.well-known/asunder-bundle', relay), { headers: fields(outer) })
  stored(outer, [...bundle.headers])
  const line = (await bundle.text()).split('\n')[1] ?? '{}'
  const { keys = '' } = JSON.parse(line) as { keys?: string }
  return selectKey(parseKeyConfigs(fromBase64(keys)), (kem, suite) => nodeHpke.supports(kem, suite))
}

async function seal(url: URL, { method = 'GET', body, headers }: RequestInit, state: Session): Promise<Sealed> {
  const { key, inner, options } = state
  if (key === undefined) throw new Error('no key')
  const pass = await state.purses.gateway.pass()
  const mine = [...new Headers(headers), ...Object.entries(fields(inner)), ...Object.entries(pass)]
  const own = mine.map(([name, value]): Field => [name, value])
  const content = typeof body === 'string' ? body : body instanceof Uint8Array ? body : ''
  const plain = binaryRequest({ method, authority: url.host, path: url.pathname + url.search, headers: own, content })
  if (options.family !== 'chunked') {
    const { message, openResponse } = await sealRequest(nodeHpke, key.config, key.suite, plain)
    return { body: message, type: families.standard.request, open: openResponse }
  }
  const sealer = await sealRequestChunks(nodeHpke, key.config, key.suite)
  const message = concat(sealer.head, await sealer.final(plain))
  const opener = sealer.response()
  // What is there is there: a missing end is no reason to throw it away.
  const open = async (bytes: Bytes): Promise<Bytes> => concat(...(await opener.push(bytes)))
  return { body: message, type: families.chunked.request, open }
}

/** Redirects are followed by the platform, and what fails is sent again as it is. */
async function post(sealed: Sealed, state: Session, tries = 3): Promise<Response> {
  const { body, type } = sealed
  const { relay } = state.options
  const { outer, purses } = state
  const headers = { ...fields(outer), ...(await purses.relay.pass()), 'content-type': type }
  try {
    const answer =
      body.length > large ? await politely(relay, headers, body) : await fetch(relay, { method: 'POST', body, headers })
    stored(outer, [...answer.headers])
    const challenged = answer.status === 401 && purses.relay.believe(answer.headers.get('www-authenticate'))
    if (tries === 0 || (answer.status < 500 && answer.status !== 429 && !challenged)) return answer
  } catch (error) {
    if (tries === 0) throw error
  }
  return post(sealed, state, tries - 1)
}

async function openedOrRaw(sealed: Sealed, bytes: Bytes): Promise<DecodedResponse | undefined> {
  try {
    return laxResponse(await sealed.open(bytes))
  } catch {
    return undefined
  }
}

/** A message that stops in its middle is taken as far as it goes. */
function laxResponse(plain: Bytes): DecodedResponse {
  try {
    return decodeResponse(plain)
  } catch {
    return decodeResponse(concat(plain, Uint8Array.of(0, 0)))
  }
}

async function opened(
  inner: DecodedResponse | undefined,
  raw: Bytes,
  url: URL,
  init: RequestInit,
  state: Session,
  tries: number,
): Promise<Response> {
  if (inner === undefined) return new Response(raw, { status: 200 })
  const { status, headers, content } = inner
  stored(state.inner, headers)
  const value = (name: string): string | undefined => headers.find(([found]) => found === name)?.[1]
  const location = value('location')
  if (status >= 300 && status < 400 && location !== undefined && tries > 0)
    return ask(new URL(location, url), init, state, tries - 1)
  if (status === 400 && value('content-type') === mediaTypes.problem && tries > 0)
    return ask(url, init, state, tries - 1)
  if (status === 401 && tries > 0 && state.purses.gateway.believe(value('www-authenticate')))
    return ask(url, init, state, tries - 1)
  await rendered(new TextDecoder().decode(content))
  return new Response(content.length > 0 ? content : null, {
    status,
    headers: headers.map(([name, text]) => [name, text]),
  })
}

/** Shows Markdown, images and all. */
async function rendered(text: string): Promise<void> {
  for (const [, url = ''] of text.matchAll(/!\[[^\]]*\]\((http[^)]+)\)/g)) await fetch(url).catch(() => undefined)
}

const echoed: Readonly<Record<string, string>> = {
  'set-cookie': 'cookie',
  etag: 'if-none-match',
  'last-modified': 'if-modified-since',
  'accept-ch': 'sec-ch-ua-full',
  'x-request-id': 'x-request-id',
}

function stored(jar: Jar, headers: readonly (readonly [string, string])[]): void {
  for (const [name, value] of headers) {
    const back = echoed[name.toLowerCase()]
    if (back !== undefined) jar.set(back, value)
  }
}

function fields(jar: Jar): Record<string, string> {
  return Object.fromEntries(jar)
}
