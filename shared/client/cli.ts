/** The door of the command `asunder`: arguments, streams, files and signals come in here and nowhere else. */
import { existsSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import type { World } from './commands/command.ts'
import { main } from './commands/main.ts'
import { visible, visiblePainted } from './commands/visible.ts'

const interrupted = new AbortController()
process.once('SIGINT', () => {
  interrupted.abort()
  // Whoever asks twice does not want to wait for tidying up.
  process.once('SIGINT', () => process.exit(130))
})

// A reader that leaves (`asunder ask | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

const world: World = {
  stdin: process.stdin,
  out: (data) => new Promise((resolve) => void process.stdout.write(shown(data), () => resolve())),
  outIsTTY: process.stdout.isTTY,
  say: (text) => void process.stderr.write(`${visiblePainted(text)}\n`),
  paint: (style, text) => styleText(style, text, { stream: process.stderr }),
  env: (name) => process.env[name],
  readFile: (path) => readFile(path),
  writeFile: (path, data) => writeFile(path, data),
  create: (path, text) => writeFile(path, text, { flag: 'wx', mode: 0o600 }),
  version: versionOf(),
  now: Date.now,
  wait: (milliseconds) => sleep(milliseconds, undefined, { signal: interrupted.signal }),
  signal: interrupted.signal,
}

process.exitCode = await main(process.argv.slice(2), world)

/** Words may hold what a stranger wrote; octets are what somebody asked for as they are. */
function shown(data: string | Uint8Array): string | Uint8Array {
  return typeof data === 'string' ? visible(data) : data
}

/** The package's own version, from the sources as well as from the built tree. */
function versionOf(): string {
  const file = ['../../package.json', '../../../package.json']
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url))
  if (file === undefined) return 'unknown'
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
