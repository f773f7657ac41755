/**
 * The reporter: the one process that may ask the platform for reports, as root, and does nothing else. It builds the
 * bytes to be attested itself, so whatever becomes of the agent, no report of this machine speaks of anything but a
 * connection or a key of its role. trust.md 4.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { fromUtf8 } from '../../../shared/bytes.ts'
import type { Log } from '../../../shared/observability/log.ts'
import { createTally } from '../../../shared/observability/tally.ts'
import { Refusal, type RefusalCode } from '../../../shared/refusal.ts'
import type { EvidenceProvider } from '../provider.ts'
import { giveTo, makeRoom } from './private-socket.ts'
import type { ReporterEvents } from './vocabulary.ts'
import { questionLimit, readBinding, writeEvidence, writeRefusal } from './wire.ts'

export type ReporterOptions = {
  readonly provider: EvidenceProvider
  /** What this machine is attested as, whatever the asker says. */
  readonly role: string
  readonly log: Log<ReporterEvents>
  /** milliseconds for a question to be whole */
  readonly askWithin?: number
  /** milliseconds between two lines of the log about refusals */
  readonly countsEvery?: number
  readonly connections?: number
}

export type Reporter = {
  /** Refuses `insecure-configuration` where others than one user could ask. */
  listen(socket: string): Promise<void>
  close(): Promise<void>
}

/** milliseconds without a byte */
const idle = 60_000

export function createReporter(options: ReporterOptions): Reporter {
  const { provider, role, log, askWithin = 2_000, countsEvery = 60_000, connections = 64 } = options
  const refused = createTally<RefusalCode | 'fault'>({
    say: (code, count) => log('warn', 'report-refused', { code, count }),
    every: countsEvery,
  })
  const answer = async (question: Uint8Array): Promise<string> => {
    try {
      const binding = readBinding(fromUtf8(question))
      if (binding.role !== role) throw new Refusal('role-refused', 'asked for another role')
      return writeEvidence(await provider.evidence(binding))
    } catch (cause) {
      const code = cause instanceof Refusal ? cause.code : 'fault'
      refused(code)
      return writeRefusal(code === 'fault' ? 'evidence-unavailable' : code)
    }
  }
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket.on('error', () => undefined).on('close', () => open.delete(socket)))
    // An asker that does not read its answer keeps no connection.
    socket.setTimeout(idle, () => socket.destroy())
    void questionOn(socket, askWithin).then(
      async (question) => socket.end(await answer(question)),
      () => socket.destroy(),
    )
  })
  server.maxConnections = connections
  return {
    async listen(path) {
      const owner = makeRoom(path)
      await listening(server, path)
      giveTo(owner, path)
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(path, () => resolve())
  })
}

/** All of it, once the asker has closed its half. */
function questionOn(socket: Socket, within: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let length = 0
    const late = setTimeout(() => reject(new Refusal('incomplete', 'no whole question in time')), within)
    socket.once('close', () => clearTimeout(late))
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece)
      if ((length += piece.length) > questionLimit)
        reject(new Refusal('body-too-large', 'a longer question than there is'))
    })
    socket.once('end', () => {
      clearTimeout(late)
      resolve(Buffer.concat(pieces))
    })
    socket.once('close', () => reject(new Refusal('incomplete', 'the asker left')))
  })
}
