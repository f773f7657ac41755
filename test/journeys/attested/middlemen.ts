/** Who can stand between a gateway and a CVM: a thief of TLS keys, and somebody who cuts the line. trust.md 3 and 4. */
import { connect as dial, createServer as listener, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect, createServer } from 'node:tls'
import { onTestFinished } from 'vitest'
import { link } from '../../../shared/attestation/link.ts'
import { pem, type Machine } from '../../gateway/cvm/machine.ts'

const host = '127.0.0.1'

/** Somebody who has the keys of both ends of a link, but not the machine: ends TLS in the middle and passes everything on. */
export async function thief(machine: Machine, heard: Buffer[]): Promise<number> {
  const tls = { minVersion: 'TLSv1.3', ALPNProtocols: [link.alpn], rejectUnauthorized: false } as const
  const sockets = new Set<Socket>()
  const server = createServer({ ...pem(machine.identity), ...tls, requestCert: true }, (near) => {
    const far = connect({ host, port: machine.port, ...machine.clientTls, ...tls })
    joined(sockets, near, far)
    near.on('data', (part: Buffer) => void heard.push(part))
    near.pipe(far).pipe(near)
  })
  return standing(server, sockets)
}

/** Passes on what it cannot read. Once `armed`, each line that there was ends with the next byte that the gateway sends. */
export type Cutter = { readonly port: number; armed: boolean; cuts: number }

export async function cutter(machine: Machine): Promise<Cutter> {
  const state = { port: 0, armed: false, cuts: 0 }
  const sockets = new Set<Socket>()
  const server = listener((near) => {
    const far = dial({ host, port: machine.port })
    const late = state.armed
    const end = joined(sockets, near, far)
    near.on('data', (part: Buffer) => {
      if (late || !state.armed) return void far.write(part)
      state.cuts += 1
      end()
    })
    near.on('end', end)
    far.pipe(near)
  })
  state.port = await standing(server, sockets)
  return state
}

/** One never outlives the other. */
function joined(sockets: Set<Socket>, near: Socket, far: Socket): () => void {
  const end = (): void => [near, far].forEach((socket) => void socket.destroy())
  for (const socket of [near, far]) sockets.add(socket.on('error', end).on('close', end))
  return end
}

async function standing(server: Server, sockets: ReadonlySet<Socket>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
