/**
 * The application inside the CVM, played by the lab: answers each request as the request itself asks, with everything in
 * the answer that a server might try to mark a client with. privacy.md 2.3, 2.12.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a request of the lab carries inside the seal. */
export type Wanted = {
  /** default 200 */
  readonly status?: number
  /** octets of the answer */
  readonly length: number
  /** how many events it comes in, if it is a stream of them, and the milliseconds between two */
  readonly pieces?: number
  readonly pause?: number
  /** milliseconds before the first octet */
  readonly wait?: number
  /** first words of the answer */
  readonly says: string
  readonly type?: string
  readonly fields?: Readonly<Record<string, string>>
}

export type LabApp = {
  /** requests that came */
  readonly served: () => number
  /** whoever asked and left before the answer was complete */
  readonly left: () => number
  close(): void
}

export async function createLabApp(path: string): Promise<LabApp> {
  let served = 0
  let left = 0
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    served += 1
    response.on('close', () => {
      if (!response.writableFinished) left += 1
    })
    // A CVM that went away in the middle is counted above; nobody is left to be told.
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  return {
    served: () => served,
    left: () => left,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const wanted = wantedOf(await textOf(request))
  const { status = 200, pieces = 1, pause = 0, wait = 0, type = 'text/plain', fields = {} } = wanted
  if (wait > 0) await sleep(wait)
  const parts = pieces === 1 ? [contentOf(wanted)] : eventsOf(wanted.says, pieces)
  const whole = pieces === 1 ? { 'content-length': String(Buffer.byteLength(parts.join(''))) } : {}
  response.writeHead(status, { 'content-type': type, ...whole, ...fields })
  for (const [i, part] of parts.entries()) {
    if (i > 0 && pause > 0) await sleep(pause)
    response.write(part)
  }
  response.end()
}

/** Tokens of different lengths, as events of a stream (server-sent events, WHATWG HTML §9.2). */
function eventsOf(says: string, pieces: number): string[] {
  return Array.from({ length: pieces }, (_, i) => {
    const word = (i === 0 ? says : 'token ').padEnd(8 + ((i * 13) % 37), 'answer ')
    return `data: ${word}\n\n`
  })
}

function wantedOf(text: string): Wanted {
  return (JSON.parse(text) as { readonly answer: Wanted }).answer
}

export function contentOf({ says, length }: Wanted): string {
  return says.padEnd(length, 'answer ')
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
