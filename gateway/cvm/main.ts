/** The door of the CVM agent: settings, a log on stdout, signals. Nothing is decided here. */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { fromUtf8 } from '../../shared/bytes.ts'
import { checkLaunch, launchOf } from '../../shared/launch/launch.ts'
import { createLog, type Log } from '../../shared/observability/log.ts'
import { agentEvidence } from './agent-evidence.ts'
import { createAgent } from './agent.ts'
import { agentSettings, readAgentSettings, readPins, refuseVariables, type AgentSettings } from './config.ts'
import { endingOf, readNamed } from './ending.ts'
import { ownPlacement } from './placements.ts'
import type { AgentEvents } from './vocabulary.ts'

const usage = `asunder CVM agent: shows evidence on the connection that will be used, and serves what its placement has: it passes on
opened requests (front), opens what is sealed to it alone (sealed), or is the whole gateway (inside).

  node gateway/cvm/main.ts [config check] --config FILE.json

  config check    names every mistake and exits 2, or says ok with the SHA-256 of FILE, which is what is measured
  --config FILE   settings, strict JSON, every key present; there are no others, neither variables nor flags
  --help          this text

Settings:
${agentSettings.map(([name, says]) => `  ${name.padEnd(32)}${says}`).join('\n')}

Signals: SIGTERM or SIGINT drains, a second one ends at once.
Exit codes: 0 stopped, 1 failed, 2 settings, or an environment that is not safe; what to do is on stderr.
`

async function run(config: string, log: Log<AgentEvents>): Promise<void> {
  const text = readNamed('--config', config)
  const settings = readAgentSettings(fromUtf8(text))
  const { listen, evidence, limits, drain, role, app } = settings
  checkLaunch(launchOf(process), evidence.kind === 'simulated' ? 'loopback' : 'cvm')
  const provider = await agentEvidence({ evidence, role, text, log })
  const gatewayPins = pinsIn(settings)
  const own = await ownPlacement(settings, { log, now: Date.now, monotonic: () => performance.now() })
  const agent = createAgent({ ...limits, role, app, provider, gatewayPins, log, own: own?.links })
  const port = await agent.listen(listen)
  if (provider.kind === 'simulated') log('warn', 'simulated-evidence', { listener: 'loopback' })
  log('info', 'listening', { port, kind: provider.kind, ...(own === undefined ? {} : { publicPort: own.port }) })
  onSignals(log, drain, () => Promise.all([agent.close(drain), own?.close(drain)]))
}

/** Reads what a start would read, and starts nothing. */
function check(config: string): void {
  const text = readNamed('--config', config)
  pinsIn(readAgentSettings(fromUtf8(text)))
  process.stdout.write(`ok sha256:${createHash('sha256').update(text).digest('hex')}\n`)
}

function pinsIn({ gatewayPins }: AgentSettings): readonly string[] {
  return readPins(fromUtf8(readNamed('gatewayPins', gatewayPins)))
}

function onSignals(log: Log<AgentEvents>, within: number, close: () => Promise<unknown>): void {
  let draining = false
  const stop = (why: AgentEvents['stopped']['why']) => {
    log('info', 'stopped', { why })
    process.exit(0)
  }
  const signalled = (): void => {
    if (draining) stop('second-signal')
    draining = true
    log('info', 'draining', { within })
    void close().then(() => stop('signal'))
  }
  process.on('SIGTERM', signalled).on('SIGINT', signalled)
}

function giveUp(log: Log<AgentEvents>, cause: unknown): void {
  const { why, exit, says } = endingOf(cause)
  log('error', 'failed', { why })
  process.stderr.write(says)
  process.exitCode = exit
}

type Options = { command?: string; config?: string | undefined; help?: boolean | undefined; file?: string | undefined }

function options(): Options {
  const known = { config: { type: 'string' }, help: { type: 'boolean' } } as const
  try {
    const { values, positionals } = parseArgs({ options: known, allowPositionals: true })
    const command = positionals.join(' ')
    if (['', 'config check'].includes(command)) return { ...values, command }
    return { help: values.help, file: positionals.find((word) => /[./]/.test(word)) }
  } catch {
    return {}
  }
}

// A log that nobody reads any more (a pipe whose reader ended) is no reason to stop serving.
process.stdout.on('error', () => undefined)

const { command, config, help, file } = options()
if (help === true) {
  process.stdout.write(usage)
} else if (file !== undefined) {
  process.stderr.write(`${file} is no command: did you mean --config ${file}?\n`)
  process.exitCode = 2
} else if (config === undefined) {
  process.stderr.write(usage)
  process.exitCode = 2
} else {
  const log = createLog<AgentEvents>({ service: 'cvm', write: (line) => void process.stdout.write(line) })
  try {
    refuseVariables(process.env)
    if (command === 'config check') check(config)
    else await run(config, log)
  } catch (cause) {
    giveUp(log, cause)
  }
}
