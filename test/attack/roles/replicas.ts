/** rep: several gateways of one operator, with the keys and the memory of one; all before the same CVM. */
import type { Stage } from '../frame/stage.ts'
import { openApp, type App } from '../pair/app.ts'
import type { Gateway } from '../pair/subject.ts'

export type Replicas = { readonly app: App; readonly gateways: readonly Gateway[] }

export async function replicas(stage: Stage, count: number): Promise<Replicas> {
  const rest = stage.folder()
  const app = await openApp(stage)
  const cvm = await stage.subject.cvm(stage, { app })
  const gateways: Gateway[] = []
  for (let made = 0; made < count; made++) {
    // One after the other: the first one makes the keys that the others find.
    const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, rest })
    await gateway.ready()
    gateways.push(gateway)
  }
  return { app, gateways }
}
