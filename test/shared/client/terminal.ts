/** The world of a command without its process: files in memory, and everything that was printed. */
import { concat, fromUtf8, utf8 } from '../../../shared/bytes.ts'
import type { World } from '../../../shared/client/commands/command.ts'

export type Terminal = World & {
  readonly files: Map<string, Uint8Array>
  /** paths of files that only their owner reads */
  readonly secret: Set<string>
  readonly shown: { out: string; err: string }
}

export function newTerminal(changes: Partial<World> & { typed?: string } = {}): Terminal {
  const files = new Map<string, Uint8Array>()
  const secret = new Set<string>()
  const shown = { out: '', err: '' }
  const { typed = '', ...rest } = changes
  return {
    files,
    secret,
    shown,
    stdin: ReadableStream.from([utf8(typed)]),
    out: (data) => {
      shown.out += typeof data === 'string' ? data : fromUtf8(data)
      return Promise.resolve()
    },
    outIsTTY: false,
    say: (text) => void (shown.err += `${text}\n`),
    paint: (_style, text) => text,
    env: () => undefined,
    readFile: (path) => {
      const file = files.get(path)
      return file === undefined ? Promise.reject(new Error('no such file')) : Promise.resolve(file)
    },
    writeFile: async (path, data) => {
      files.set(path, concat(...(await Array.fromAsync(data))))
    },
    create: (path, text) => {
      if (files.has(path)) return Promise.reject(new Error('file exists'))
      files.set(path, utf8(text))
      secret.add(path)
      return Promise.resolve()
    },
    now: Date.now,
    wait: () => Promise.reject(new TypeError('nobody waits here')),
    version: '1.2.3',
    signal: new AbortController().signal,
    ...rest,
  }
}

/** What must not be seen of a signing key's text, `PRIVATE+KEY+name+id+secret`; the secret may hold a plus itself. */
export function secretOf(skey: string): string {
  const secret = skey.trim().split('+').slice(4).join('+')
  if (secret.length !== 44) throw new TypeError('not a signing key')
  return secret
}
