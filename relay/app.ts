/**
 * The relay: takes a sealed request from a client it can see, gives it to the one gateway of the route, and never learns
 * what was asked. RFC 9458 §5 and §6.2; wire.md "Resources", "Heads are constants", "Errors".
 */
import { Hono, type Context } from 'hono'
import type { Bytes } from '../shared/bytes.ts'
import { arriving, contentOf, readBounded } from '../shared/http/body.ts'
import { familyOf, type Family } from '../shared/http/media-types.ts'
import { problem, type Problem } from '../shared/http/problem.ts'
import { Refusal } from '../shared/refusal.ts'
import { outerField } from '../shared/http/outer.ts'
import { onGrid } from '../shared/shaping/buckets.ts'
import { nonceOfAnswer } from '../shared/shaping/cell-grid.ts'
import {
  alreadySent,
  answerAndClose,
  answerWhole,
  nodeBindings,
  plain,
  whenTaken,
  wholeProblem,
} from '../shared/upstream/answer.ts'
import type { Forward, UpstreamRequest } from '../shared/upstream/exchange.ts'
import { defaultLimits, hostChecker, uploadGate, wantsIncremental, type Admission, type RelayLimits } from './admit.ts'
import { streamAtTick, wholeAtTick } from './at-tick.ts'
import { cellsAtTick, type Pacing } from './cells-at-tick.ts'
import { cors } from './cors.ts'
import { asItComes, whenWhole, type Delivering, type DeliveryOptions } from './delivery.ts'
import { Exchange } from './exchange.ts'
import { inwardFields, outward } from './forward.ts'
import { copyFields, type Mirror } from './mirror.ts'
import type { Mixing } from './mixing.ts'
import type { Place } from './room.ts'
import type { TokenCheck } from './tokens.ts'
import { resources, type Limit, type Outcome, type Resource, type Tally } from './vocabulary.ts'

export type Route = {
  /** `/r/{name}`; the first route is also `/`, with or without a name. */
  readonly name?: string | undefined
  /** The one gateway of this route: what the path of its resource is, and how it is reached. */
  readonly path: string
  readonly forward: Forward
  readonly mirror: Mirror
}

export type RelayOptions = {
  readonly routes: readonly [Route, ...Route[]]
  readonly admission: Admission
  readonly limits?: Partial<RelayLimits>
  /** Profile `mixed`. Left out: `direct`. */
  readonly mixing?: Mixing | undefined
  /** Profile `paced`, which has `mixing` too. */
  readonly pacing?: Pacing | undefined
  /** Left out: nobody needs a token, and whatever is sent as one is dropped. */
  readonly tokens?: TokenCheck | undefined
  readonly cors?: boolean
  /** Hosts that we answer to; anything else is 421. Left out: any, which is for loopback. */
  readonly hosts?: readonly string[] | undefined
  readonly tally?: Tally
  /** octets of a request that was stored whole */
  readonly sized?: (family: Family, octets: number) => void
  /** Somebody met a limit. */
  readonly limited?: (limit: Limit) => void
  /** Something unexpected, of which nothing may be said but that it happened. */
  readonly unexpected?: () => void
  /** Keeps a Worker alive until what it started is over. */
  readonly hold?: (context: Context, work: Promise<unknown>) => void
}

const pathOf: Record<Resource, string> = {
  bundle: '/.well-known/asunder-bundle',
  keys: '/.well-known/ohttp-gateway',
}

export function createRelay(options: RelayOptions): Hono {
  const relay = new Hono()
  const outside = cors(options.cors ?? false, options.tokens !== undefined)
  const refuse = (refused: Problem): Response => plain(outside.dress(refused))
  const answer = answerer(options)
  // Each path has one handler, which spares every request the walk through a chain; other methods end in notFound.
  const allowed = new Map<string, string>()
  for (const [prefix, route] of places(options.routes)) {
    const post = prefix === '' ? '/' : prefix
    relay.post(post, (context) => answer(context, route))
    allowed.set(post, 'POST')
    for (const resource of resources) {
      const path = prefix + pathOf[resource]
      relay.get(path, (context) => mirrored(context, route, resource))
      allowed.set(path, 'GET')
    }
  }
  const isOurs = hostChecker(options.hosts)
  const mirrored = async (context: Context, route: Route, resource: Resource): Promise<Response> => {
    if (!isOurs(context.req.url)) return refuse(problem(421))
    // Hono would answer a HEAD from here by itself; wire.md knows no such resource.
    if (context.req.method !== 'GET') return refuse(problem(405, { allow: 'GET' }))
    const copy = await route.mirror.read(resource)
    if (copy === undefined) return refuse(problem(503))
    return new Response(copy.bytes, { headers: outside.add(copyFields(resource, copy)) })
  }
  relay.notFound(({ req }) => {
    if (!isOurs(req.url)) return refuse(problem(421))
    const allow = allowed.get(req.path)
    if (allow === undefined) return refuse(problem(404))
    return outside.preflight(req.method) ?? refuse(problem(405, { allow }))
  })
  relay.onError(() => {
    options.unexpected?.()
    return refuse(problem(500))
  })
  return relay
}

function places([first, ...others]: RelayOptions['routes']): [string, Route][] {
  const named = [first, ...others].filter((route) => route.name !== undefined)
  if (others.some((route) => route.name === undefined)) throw new TypeError('every route but the first needs a name')
  return [['', first], ...named.map((route): [string, Route] => [`/r/${route.name ?? ''}`, route])]
}

/** admit -> forward -> answer. */
function answerer(options: RelayOptions): (context: Context, route: Route) => Response | Promise<Response> {
  const limits = { ...defaultLimits, ...options.limits }
  const { admission, tokens, mixing, pacing, tally = nothing, sized = nothing, limited = nothing } = options
  const outside = cors(options.cors ?? false, tokens !== undefined)
  const isOurs = hostChecker(options.hosts)
  const leaving = mixing === undefined ? {} : { letGoIn: mixing.letGoIn }
  const uploads = uploadGate(mixing === undefined ? limits.incremental : 0, admission.bucketOf)
  const fields = { standard: outside.add(inwardFields.standard), chunked: outside.add(inwardFields.chunked) }

  return (context, route) => {
    if (!isOurs(context.req.url)) return refuse(problem(421), 'rejected')
    const over = admission.admit(context)
    if (over !== undefined) return refuse(over, 'limited')
    const family = familyOf(outerField(context, 'content-type'))
    if (family === undefined) return refuse(problem(415), 'rejected')
    // Last of all that needs no content: a token is gone once it was looked at.
    return tokens === undefined ? onward(context, route, family) : withToken(tokens, context, route, family)
  }

  async function withToken(check: TokenCheck, context: Context, route: Route, family: Family): Promise<Response> {
    const unadmitted = await check(outerField(context, 'authorization'))
    if (unadmitted === undefined) return onward(context, route, family)
    return refuse(unadmitted.refused, unadmitted.outcome, family)
  }

  function onward(context: Context, route: Route, family: Family): Response | Promise<Response> {
    if (!wantsIncremental(outerField(context, 'incremental'))) return stored(context, route, family)
    const entered = uploads.enter(context)
    if (typeof entered === 'function') return passedOn(context, route, family, entered)
    limited('incremental')
    return refuse(entered, 'limited', family)
  }

  function refuse(refused: Problem, outcome: Outcome, family: Family | 'none' = 'none'): Response {
    tally(outcome, family)
    return plain(outside.dress(refused))
  }

  function stored(context: Context, route: Route, family: Family): Response | Promise<Response> {
    const leave = admission.enter(context)
    const begun = (body: Bytes): Response | Promise<Response> => {
      sized(family, body.length)
      const request: Stored = { method: 'POST', path: route.path, fields: outward(family, false), body }
      if (mixing !== undefined) return mixed(mixing, { context, route, family, request, leave })
      const { exchange, response } = begin(context, family)
      exchange.whenOver(() => whenTaken(context, leave))
      send(exchange, route, request)
      return response
    }
    const refused = (cause: unknown): Response => {
      const why = contentProblem(cause, limits.request, limited)
      leave()
      tally(why === undefined ? 'left' : 'rejected', family)
      return answerAndClose(context, outside.dress(why ?? problem(400)))
    }
    const response = readBounded(contentOf(context), { max: limits.request, stall: limits.stall }).then(begun, refused)
    if (nodeBindings(context) === undefined) return response
    // The answer is written when there is one. What breaks on the way there has nobody above it who would say so.
    response.catch(() => {
      options.unexpected?.()
      answerAndClose(context, outside.dress(problem(500)))
    })
    return alreadySent
  }

  /** The place comes before the batch: whoever waits there is sent, and whoever is sent has room for his answer. */
  function mixed({ requests, room }: Mixing, asked: Asked): Response | Promise<Response> {
    const { context, family, route, request, leave } = asked
    const octets = request.body.length
    if (!onGrid(octets)) return turnAway(asked, problem(400), 'rejected')
    const place = room.enter(() => exchange.lose())
    if (place === undefined) return turnAway(asked, problem(503), 'limited', 'memory')
    const go = (): void => {
      try {
        send(exchange, route, request)
      } catch (cause) {
        exchange.fail('broken')
        throw cause
      }
    }
    if (!requests(go, octets)) {
      place.leave()
      return turnAway(asked, problem(503), 'limited', 'batch')
    }
    const { exchange, response } = begin(context, family, { place, request: request.body })
    exchange.whenOver(() => whenTaken(context, leave))
    return response
  }

  /** Told at once: nothing of it ever reaches a gateway, so when does not matter. */
  function turnAway({ context, family, leave }: Asked, refused: Problem, outcome: Outcome, limit?: Limit): Response {
    leave()
    tally(outcome, family)
    if (limit !== undefined) limited(limit)
    return answerWhole(context, wholeProblem(outside.dress(refused)), limits.stall)
  }

  function passedOn(context: Context, route: Route, family: Family, leave: () => void): Response | Promise<Response> {
    const { exchange, response } = begin(context, family)
    exchange.whenOver(leave)
    exchange.whenOver(admission.enter(context))
    const parts = arriving(contentOf(context), { max: limits.stream, stall: limits.stall })
    const body = upload(parts, exchange, (cause) => contentProblem(cause, limits.stream, limited))
    send(exchange, route, { method: 'POST', path: route.path, fields: outward(family, true), body })
    return response
  }

  function begin(
    context: Context,
    family: Family,
    kept?: Kept,
  ): { exchange: Exchange; response: Response | Promise<Response> } {
    const max = family === 'standard' ? limits.answer : limits.stream
    const client = (): Exchange => exchange
    const settings: DeliveryOptions = { context, fields: fields[family], ...outside, max, stall: limits.stall, client }
    const delivery = deliver(family, settings, kept)
    const count = (outcome: Outcome): void => tally(outcome, family)
    const abandon = (): (() => void) => admission.abandon(context)
    const exchange = new Exchange({ family, delivery, limits, abandon, count, busy: () => limited('busy'), ...leaving })
    options.hold?.(context, new Promise<void>((over) => exchange.whenOver(over)))
    return { exchange, response: delivery.response }
  }

  function deliver(family: Family, settings: DeliveryOptions, kept?: Kept): Delivering {
    if (mixing === undefined || kept === undefined) {
      return family === 'standard' ? whenWhole(settings) : asItComes(settings)
    }
    const atTick = { ...settings, place: kept.place, answers: mixing.answers }
    if (family === 'standard') return wholeAtTick(atTick)
    if (pacing === undefined) return streamAtTick(atTick)
    return cellsAtTick({ ...atTick, ...pacing, nonce: nonceOfAnswer(kept.request) })
  }
}

/** Of a request whose answer goes at ticks. */
type Kept = { readonly place: Place; readonly request: Bytes }

type Stored = UpstreamRequest & { readonly body: Bytes }
type Asked = {
  readonly context: Context
  readonly route: Route
  readonly family: Family
  readonly request: Stored
  readonly leave: () => void
}

function send(exchange: Exchange, { forward }: Route, request: UpstreamRequest): void {
  exchange.steer(forward(request, exchange))
}

/** An upload that goes on as it arrives. A client that leaves in its middle looks like one that is silent. */
async function* upload(
  parts: AsyncIterable<Bytes>,
  exchange: Exchange,
  problemOf: (cause: unknown) => Problem | undefined,
): AsyncGenerator<Bytes> {
  try {
    yield* parts
  } catch (cause) {
    const refused = problemOf(cause)
    if (refused === undefined) await new Promise<void>((over) => exchange.whenOver(over))
    else exchange.refuseUpload(refused)
    throw cause
  }
}

/** What a client is told about its content; nothing when it is not there any more. */
function contentProblem(cause: unknown, limit: number, limited: (limit: Limit) => void): Problem | undefined {
  if (!(cause instanceof Refusal)) throw cause
  if (cause.code === 'body-too-large') return (limited('content'), problem(413, { limit }))
  return cause.code === 'stalled' ? (limited('stall'), problem(408)) : undefined
}

const nothing = (): void => undefined
