/**
 * What a gateway's operator runs in placement `inside`: a forwarder of TCP, which ends no TLS, since nothing that does may
 * stand between relay and CVM. trust.md 3. `node pass-through.ts --to HOST:PORT`
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { to: { type: 'string' } } })
const to = new URL(`tcp://${values.to ?? ''}`)
const wire = { allowHalfOpen: true, noDelay: true } as const

const server = createServer(wire, (near) => {
  // From the address that asked, so that whoever stands behind can tell who did.
  const own = near.remoteAddress === undefined ? {} : { localAddress: near.remoteAddress }
  const far = connect({ host: to.hostname, port: Number(to.port), ...own, ...wire })
  pass(near, far)
  pass(far, near)
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), event: 'listening', port })}\n`)
})

function pass(from: Socket, into: Socket): void {
  from.pipe(into)
  from.on('error', () => into.destroy())
  from.on('close', () => into.destroySoon())
}
