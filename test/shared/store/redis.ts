/** A real redis-server of this machine on a free port of loopback, with nothing that outlives the test. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../upstream/free-port.ts'

export const redisIsHere = spawnSync('redis-server', ['--version']).status === 0
if (!redisIsHere) console.log('skipped: no redis-server on this machine (Debian: apt-get install redis-server)')

export type RedisServer = {
  readonly port: number
  /** What redis-cli says. */
  cli(...words: readonly string[]): string
  /** Stops answering without closing anything, and goes on. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

/** In plaintext, or over TLS where the words name a certificate. */
export async function startRedis(words: readonly string[] = [], at?: number): Promise<RedisServer> {
  const port = at ?? (await freePort())
  const folder = mkdtempSync(join(tmpdir(), 'redis-'))
  const listens = words.includes('--tls-cert-file') ? ['--port', '0', '--tls-port', `${port}`] : ['--port', `${port}`]
  const options = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, '--daemonize', 'no']
  const child = spawn('redis-server', [...listens, ...options, ...words], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  await accepting(port)
  return {
    port,
    cli: (...said) => spawnSync('redis-cli', ['-p', `${port}`, ...said], { encoding: 'utf8' }).stdout.trim(),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function accepting(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect({ host: '127.0.0.1', port })
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('redis-server did not begin to listen')
}
