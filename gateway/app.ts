/**
 * The gateway: one resource for encapsulated requests, two for what clients need to make them. wire.md "Resources",
 * RFC 9458 §5, RFC 9540 §4. Everything else is a constant.
 */
import { Hono } from 'hono'
import { familyOf } from '../shared/http/media-types.ts'
import { line, outerField } from '../shared/http/outer.ts'
import { problem } from '../shared/http/problem.ts'
import type { Profile } from '../shared/shaping/profile.ts'
import { nodeBindings, plain, type ShortWay } from '../shared/upstream/answer.ts'
import { createOblivious, type ObliviousOptions } from './oblivious.ts'
import { defaultGatewayLimits, type Context, type GatewayLimits } from './opened.ts'
import { freshness, publication, type Publication } from './publication.ts'
import type { ScreenOptions } from './screen.ts'
import { misfit } from './shaped.ts'

export { publication, type Publication }

export const paths = {
  gateway: '/.well-known/ohttp-gateway',
  bundle: '/.well-known/asunder-bundle',
  alias: '/',
} as const

export type GatewayOptions = Pick<ObliviousOptions, 'find' | 'cvm' | 'once' | 'admit'> &
  Partial<Pick<ObliviousOptions, 'tokens' | 'now' | 'observe' | 'fault' | 'stream'>> & {
    /** the bare key list, for foreign clients; left out where there is nothing that one could open with it (`sealed`) */
    readonly keys?: (() => Publication | undefined) | undefined
    readonly bundle: () => Publication | undefined
    /** hosts that we answer to, all others get 421; one without a port stands for every port. Left out: any, which is for loopback */
    readonly hosts?: readonly string[] | undefined
    readonly screen: ScreenOptions
    /** left out: `direct` */
    readonly profile?: Profile | undefined
    readonly limits?: Partial<GatewayLimits>
  }

const nothing = (): void => undefined

/** A Hono app, and the way past it that spares Node's requests what only the web needs. */
export type Gateway = Hono & { readonly shortWay: ShortWay }

export function createGateway(options: GatewayOptions): Gateway {
  const { now = Date.now, observe = nothing, fault = nothing, profile = 'direct' } = options
  const limits = { ...defaultGatewayLimits, ...options.limits }
  const oblivious = createOblivious({ ...options, limits, now, observe, fault })
  const foreign = foreignTo(options.hosts)

  const post = (context: Context): Response | Promise<Response> => {
    if (foreign(context)) return plain(problem(421))
    if (marked(context)) return plain(problem(404))
    const family = familyOf(outerField(context, 'content-type'))
    if (family === undefined) return plain(problem(415))
    const refused = misfit(profile, (name) => outerField(context, name))
    return refused === undefined ? oblivious(family, context) : plain(refused)
  }
  const other = (allow: string) => (context: Context) =>
    plain(foreign(context) ? problem(421) : problem(405, { allow }))
  const get = (publication: () => Publication | undefined, allow: string) => (context: Context) => {
    // Hono would answer a HEAD from here by itself; wire.md knows no such resource.
    if (foreign(context) || context.req.raw.method !== 'GET') return other(allow)(context)
    if (marked(context)) return plain(problem(404))
    return published(publication(), now())
  }

  const absent = (context: Context): Response => plain(problem(foreign(context) ? 421 : 404))

  const app = new Hono()
  app.post(paths.gateway, post)
  app.post(paths.alias, post)
  if (options.keys === undefined) app.get(paths.gateway, absent)
  else app.get(paths.gateway, get(options.keys, 'GET, POST'))
  app.get(paths.bundle, get(options.bundle, 'GET'))
  app.all(paths.gateway, other(options.keys === undefined ? 'POST' : 'GET, POST'))
  app.all(paths.alias, other('POST'))
  app.all(paths.bundle, other('GET'))
  app.notFound(absent)
  app.onError((cause) => {
    fault(cause)
    return plain(problem(500))
  })
  // What is refused before its content is read goes the long way, where the rest of an upload is looked after.
  const shortWay: ShortWay = (env) => {
    const { method, url, rawHeaders } = env.incoming
    if (method !== 'POST' || (url !== paths.gateway && url !== paths.alias)) return undefined
    const family = familyOf(line(rawHeaders, 'content-type'))
    const context = { env, req: onNode }
    if (family === undefined || foreign(context)) return undefined
    return misfit(profile, (name) => line(rawHeaders, name)) === undefined ? oblivious(family, context) : undefined
  }
  return Object.assign(app, { shortWay })
}

const onNode = {
  get raw(): Request {
    throw new TypeError('this request is read from Node')
  },
}

/** Identical bytes for everybody: nothing of the request is looked at (CONS-1, DISC-8). */
function published(publication: Publication | undefined, now: number): Response {
  if (publication === undefined) return plain(problem(503))
  const { bytes, type, etag } = publication
  return new Response(Buffer.from(bytes), {
    status: 200,
    headers: { 'content-type': type, 'content-length': String(bytes.length), etag, ...freshness(publication, now) },
  })
}

// One exact path (wire.md "Resources"): a query could be a relay's mark for one client, and we have no use for any.
function marked({ req }: Context): boolean {
  return req.raw.url.includes('?')
}

// RFC 9112 §3.2.2: a target in absolute form names the host, whatever the field says. In HTTP/2 the authority does.
function authorityOf(context: Context): string {
  const incoming = nodeBindings(context)?.incoming
  const absolute = incoming?.url?.startsWith('/') === false
  const said = absolute ? undefined : (line(incoming?.rawHeaders ?? [], ':authority') ?? outerField(context, 'host'))
  return said ?? new URL(context.req.raw.url).host
}

function foreignTo(hosts: readonly string[] | undefined): (context: Context) => boolean {
  if (hosts === undefined) return () => false
  const ours = new Set(hosts.map((host) => host.toLowerCase()))
  return (context) => {
    const host = authorityOf(context).toLowerCase()
    return !ours.has(host) && !ours.has(host.replace(/:\d+$/, ''))
  }
}
