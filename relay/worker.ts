/**
 * The relay's door on Workers: one route, through a service binding `GATEWAY` (which fixes the gateway by deployment) or
 * to the URL in `GATEWAY_URL`. The platform terminates TLS and knows the client's address; both stay there.
 */
import { bucketNamer } from '../shared/limits/limiter.ts'
import { fetchTo } from '../shared/upstream/fetch.ts'
import { createAdmission, defaultLimits, type AdmissionOptions } from './admit.ts'
import { createRelay } from './app.ts'
import { mirrorOnDemand } from './mirror.ts'

export type WorkerEnv = {
  /** The gateway resource; with a service binding only its path and its host field matter. */
  readonly GATEWAY_URL: string
  readonly GATEWAY?: { fetch(request: Request): Promise<Response> }
  /** Comma-separated hosts that we answer to. */
  readonly PUBLIC_HOSTS?: string
  readonly CORS?: 'on' | 'off'
  /** `direct`, which it also is without one. Any other is refused. */
  readonly PROFILE?: string
}

type Relay = ReturnType<typeof createRelay>
type Execution = Parameters<Relay['fetch']>[2]

// One per isolate and set of bindings; nothing in it belongs to a request.
const relays = new WeakMap<WorkerEnv, Relay>()

export default {
  fetch(request: Request, env: WorkerEnv, execution: Execution): Response | Promise<Response> {
    const relay = relays.get(env) ?? relayOf(env)
    relays.set(env, relay)
    return relay.fetch(request, env, execution)
  },
}

function relayOf(env: WorkerEnv): Relay {
  checkProfile(env.PROFILE)
  const gateway = new URL(env.GATEWAY_URL)
  if (env.GATEWAY === undefined && gateway.protocol !== 'https:') throw new TypeError('GATEWAY_URL must be https:')
  const ask = env.GATEWAY === undefined ? fetch : env.GATEWAY.fetch.bind(env.GATEWAY)
  const forward = fetchTo({ fetch: (request) => ask(request), origin: gateway.origin })
  const now = Date.now
  const nameOf = bucketNamer({ salt: () => crypto.getRandomValues(new Uint8Array(32)), now })
  return createRelay({
    routes: [{ path: gateway.pathname + gateway.search, forward, mirror: mirrorOnDemand({ forward, now }) }],
    admission: createAdmission({ abandoned: defaultLimits.abandoned, nameOf, addressOf, now }),
    cors: env.CORS === 'on',
    hosts: env.PUBLIC_HOSTS?.split(',').map((host) => host.trim()),
    hold: (context, work) => context.executionCtx.waitUntil(work),
  })
}

// Requests are hidden among those that leave with them, and isolates of one Worker know nothing of each other.
function checkProfile(profile: string | undefined): void {
  if (profile === undefined || profile === 'direct') return
  throw new TypeError('PROFILE: isolates have no batch in common to mix in: set direct, or run relay/main.ts')
}

// Written by the platform, which overwrites what a client sends under this name.
type Asker = Parameters<NonNullable<AdmissionOptions['addressOf']>>[0]

function addressOf({ req }: Asker): string | undefined {
  return req.header('cf-connecting-ip')
}
