/** A whole chain of the subject's own parts: app <- CVM <- gateway <- relay, and clients in front of it. */
import type { RequestListener } from 'node:http'
import type { Stage } from '../frame/stage.ts'
import { until } from '../frame/until.ts'
import { openApp, type App } from './app.ts'
import type { ClientOptions, Client, Gateway, GatewayOptions, RelayOptions, Served } from './subject.ts'

export type Behind = { readonly app: App; readonly cvm: Served; readonly gateway: Gateway }
export type Pair = Behind & {
  readonly relay: Served
  readonly client: (options?: Omit<ClientOptions, 'relay'>) => Client
}

export type PairOptions = {
  readonly answer?: RequestListener
  readonly gateway?: Omit<GatewayOptions, 'cvmPort'>
  readonly relay?: Omit<RelayOptions, 'gateway'>
}

/** A gateway that would take a request, and what stands behind it. */
export async function behind(stage: Stage, options: Pick<PairOptions, 'answer' | 'gateway'> = {}): Promise<Behind> {
  const app = await openApp(stage, options.answer)
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, ...options.gateway })
  await gateway.ready()
  return { app, cvm, gateway }
}

export async function pair(stage: Stage, options: PairOptions = {}): Promise<Pair> {
  const back = await behind(stage, options)
  const relay = await stage.subject.relay(stage, { gateway: back.gateway.url, ...options.relay })
  const bundle = new URL('/.well-known/asunder-bundle', relay.url)
  await until(async () => (await fetch(bundle)).status === 200)
  return {
    ...back,
    relay,
    client: (own = {}) => stage.subject.client(stage, { relay: `${relay.url}/`, ...own }),
  }
}
