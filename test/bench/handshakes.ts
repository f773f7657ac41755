/** What TLS costs the one who is connected to: CPU of a full handshake, and what a connection holds that says nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { certificatePem, pinOf, privateKeyPem, selfSigned } from '../../shared/upstream/certificate.ts'
import type { ServeTls } from '../../shared/upstream/tls-door.ts'
import { cpuMicros, residentMiB } from './measure.ts'

/** CPU in microseconds a handshake, KiB an idle connection. */
export type TlsCosts = { readonly handshake: number; readonly idle: number }

const [warm, handshakes, idle, atOnce] = [300, 1_500, 1_000, 16]

/** `outside`: a relay's door, toward clients. `between`: a gateway's, which knows its relays by their pins. */
export async function tlsCosts(): Promise<{ readonly outside: TlsCosts; readonly between: TlsCosts }> {
  const server = selfSigned({ commonName: 'server', use: 'server', names: ['127.0.0.1'] })
  const client = selfSigned({ commonName: 'relay', use: 'client' })
  const shown = { key: privateKeyPem(server), cert: certificatePem(server) }
  const pins = [{ sha256: pinOf(client.privateKey), notAfter: Date.now() + 3_600_000 }]
  return {
    outside: await behind(shown, {}),
    between: await behind(
      { ...shown, peers: [{ name: 'relay', pins }] },
      { key: privateKeyPem(client), cert: certificatePem(client) },
    ),
  }
}

/** A process of its own for each door: what one left in memory would hide what the other takes. */
async function behind(tls: ServeTls, show: ConnectionOptions): Promise<TlsCosts> {
  const script = join(import.meta.dirname, 'tls-door.ts')
  const args = ['--disable-warning=ExperimentalWarning', script, JSON.stringify(tls)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    const to = { host: '127.0.0.1', port: Number(said), rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const
    return await costsOf(child.pid ?? 0, () => connect({ ...to, ...show }))
  } finally {
    child.kill()
  }
}

async function costsOf(pid: number, dial: () => TLSSocket): Promise<TlsCosts> {
  const met = async (): Promise<TLSSocket> => {
    const socket = dial()
    // Over only when the server has looked at whatever we showed: its answer to one request says so.
    await once(socket, 'secureConnect')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'data')
    return socket
  }
  const several = async (count: number): Promise<void> => {
    for (let n = 0; n < count / atOnce; n++) (await met()).destroy()
  }
  const all = (count: number): Promise<unknown> => Promise.all(Array.from({ length: atOnce }, () => several(count)))
  await all(warm)
  const before = cpuMicros(pid)
  await all(handshakes)
  const handshake = (cpuMicros(pid) - before) / (Math.ceil(handshakes / atOnce) * atOnce)
  const resident = residentMiB(pid, 'VmRSS')
  const sockets: TLSSocket[] = []
  for (let n = 0; n < idle; n++) sockets.push(await met())
  const held = ((residentMiB(pid, 'VmRSS') - resident) * 1024) / idle
  for (const socket of sockets) socket.destroy()
  return { handshake, idle: held }
}
