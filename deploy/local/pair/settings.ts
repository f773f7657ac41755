/** The settings files of one run: what an operator would write, with ports that the system chose. */
import { join } from 'node:path'
import { write, type Materials } from './materials.ts'

/** The name by which clients ask for the app inside the seal; nobody looks it up. */
export const appOrigin = 'https://app.asunder.example'

const drain = 2_000

export type At = { readonly host: string; readonly port: number }

export function cvmSettings({ folders, role }: Materials, app: string): string {
  const settings = {
    placement: 'front',
    listen: { host: '127.0.0.1', port: 0 },
    role,
    app,
    gatewayPins: join(folders.cvm, 'gateway-pins.txt'),
    evidence: { kind: 'simulated', platform: join(folders.cvm, 'platform.json'), life: 600_000 },
    limits: { connections: 1024, reportsAtOnce: 16, attestWithin: 10_000 },
    drain,
  }
  return write(folders.cvm, 'settings.json', json(settings))
}

export function relaySettings({ folders }: Materials, gateway: At): string {
  const settings = {
    listen: { host: '127.0.0.1', port: 0, plaintextLoopback: true },
    routes: [
      {
        gateway: `https://${gateway.host}:${gateway.port}/.well-known/ohttp-gateway`,
        ca: 'authority.pem',
        clientCertificate: { key: 'client.key', cert: 'client.pem' },
      },
    ],
    // So that a web page on this machine can be the client.
    cors: true,
    drain,
  }
  return write(folders.relay, 'settings.json', json(settings))
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Keys and claims live in the gateway's memory: nothing of a run is to survive it. */
export function gatewaySettings({ folders, role, allowSimulated }: Materials, cvm: At, connections = 16): string {
  const file = (name: string): string => join(folders.gateway, name)
  const settings = {
    placement: 'front',
    listen: {
      host: '127.0.0.1',
      port: 0,
      tls: { key: file('server.key'), cert: file('server.pem'), clientCa: file('authority.pem') },
    },
    trust: file('root.note'),
    cvm: {
      ...cvm,
      role,
      allowSimulated,
      connections,
      identity: { key: file('cvm-client.key'), cert: file('cvm-client.pem') },
    },
    targets: [appOrigin],
    bundle: { file: file('bundle.note'), signer: file('bundle.skey') },
    drain,
  }
  return write(folders.gateway, 'settings.json', json(settings))
}
