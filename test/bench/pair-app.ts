/**
 * The app behind the benches of the whole chain, on a Unix socket like any app of a CVM: `/events` streams 20 events
 * 50 ms apart, each carrying the moment it was sent (CLOCK_MONOTONIC, the same for every process of a machine);
 * `/big/BYTES` streams as much as it is asked for, no faster than it is read.
 */
import { createServer, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const [socket = ''] = process.argv.slice(2)
const piece = new Uint8Array(65_536).fill(0x61)

async function events(answer: ServerResponse): Promise<void> {
  answer.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let count = 0; count < 20; count++) {
    await sleep(50)
    answer.write(`data: ${process.hrtime.bigint()}\n\n`)
  }
  answer.end()
}

async function big(answer: ServerResponse, bytes: number): Promise<void> {
  answer.writeHead(200, { 'content-type': 'application/octet-stream' })
  await pipeline(function* () {
    for (let left = bytes; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece
  }, answer)
}

const server = createServer((request, answer) => {
  request.resume()
  const [, kind, size] = (request.url ?? '').split('/')
  const work = kind === 'big' ? big(answer, Number(size)) : events(answer)
  work.catch(() => answer.destroy())
})
server.listen(socket, () => process.send?.('listening'))
process.once('disconnect', () => process.exit(0))
