/**
 * Those who abuse a relay, in a process of their own so that they share no event loop with those who measure:
 *
 *   attackers.ts KIND PORT COUNT
 *
 * Says `{"open":N}` once COUNT connections do what they do, and again whenever it is asked (one line on stdin).
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

const [kind = '', port = '', count = ''] = process.argv.slice(2)
const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: message/ohttp-req\r\n'
const sockets = new Set<Socket>()
let begun = 0

/** One connection; each comes from a /24 of its own among 250. */
function dial(at: number): Socket {
  const localAddress = `127.${20 + (at % 5)}.${Math.floor(at / 5) % 50}.1`
  const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress })
  sockets.add(socket)
  return socket.on('error', () => undefined).on('close', () => void sockets.delete(socket))
}

/** By kind: what connection number `at` does. Whoever is sent away and can come back does. */
const attacks: Readonly<Record<string, (at: number) => void>> = {
  /** one request, and then nothing for as long as one is let */
  idle: (at) => {
    const socket = dial(at)
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    socket.once('data', () => begun++)
  },
  /** a content of one octet a second */
  'slow-writers': (at) => {
    const socket = dial(at)
    socket.write(`${head}content-length: 100000\r\n\r\n`, () => begun++)
    const drip = setInterval(() => void socket.write('x'), 1_000)
    socket.on('close', () => clearInterval(drip))
  },
  /** a head of one octet a second, and again from the start when the time for it is over */
  'slow-heads': (at) => {
    const socket = dial(at)
    socket.write('POST / HTTP/1.1\r\nx: ', () => begun++)
    const drip = setInterval(() => void socket.write('x'), 1_000)
    socket.on('close', () => (clearInterval(drip), setTimeout(() => attacks['slow-heads']?.(at), 50)))
  },
  /** asks for an answer of 256 KiB and reads nothing of it */
  'slow-readers': (at) => {
    const socket = dial(at)
    socket.pause().write(`${head}content-length: 3\r\n\r\nbig`, () => begun++)
    socket.on('close', () => setTimeout(() => attacks['slow-readers']?.(at), 50))
  },
  /** heads of 100 KiB, about two a second from each */
  'header-flood': (at) => {
    const socket = dial(at)
    socket.write(`${head}${`x: ${'y'.repeat(1000)}\r\n`.repeat(100)}`, () => begun++)
    socket.resume().on('close', () => setTimeout(() => attacks['header-flood']?.(at), 500))
  },
}

const attack = attacks[kind]
if (attack === undefined) throw new TypeError(`no such attack: ${kind}`)
// In groups, so that the queue of connections that wait to be accepted is not what is measured.
for (let at = 0; at < Number(count); at++) {
  attack(at)
  if (at % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 20))
}
// Who is turned away at the door never begins; then it is said how many are in, and not waited for.
const patience = Date.now() + 30_000
while (begun < Number(count) && Date.now() < patience) await new Promise((resolve) => setTimeout(resolve, 10))
const tell = (): void => void process.stdout.write(`${JSON.stringify({ open: sockets.size })}\n`)
tell()
createInterface(process.stdin)
  .on('line', tell)
  .on('close', () => process.exit(0))
