/** The door of the CVM agent: settings, a log on stdout, signals. Nothing is decided here. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fromUtf8 } from '../../shared/bytes.ts'
import { checkLaunch, launchOf } from '../../shared/launch/launch.ts'
import { createLog, type Log } from '../../shared/observability/log.ts'
import { agentEvidence } from './agent-evidence.ts'
import { createAgent } from './agent.ts'
import { agentSettings, readAgentSettings, readPins } from './config.ts'
import { endingOf } from './ending.ts'
import type { AgentEvents } from './vocabulary.ts'

const usage = `asunder CVM agent: shows evidence on the connection that will be used, and passes opened requests to the app.

  node gateway/cvm/main.ts --config FILE.json

  --config FILE   settings, strict JSON, every key present
  --help          this text

Settings:
${agentSettings.map(([name, says]) => `  ${name.padEnd(32)}${says}`).join('\n')}

Signals: SIGTERM or SIGINT drains, a second one ends at once.
Exit codes: 0 stopped, 1 failed, 2 settings, or an environment that is not safe; what to do is on stderr.
`

async function run(config: string, log: Log<AgentEvents>): Promise<void> {
  const text = readFileSync(config)
  const { listen, evidence, limits, drain, gatewayPins, ...rest } = readAgentSettings(fromUtf8(text))
  checkLaunch(launchOf(process), evidence.kind === 'simulated' ? 'loopback' : 'cvm')
  const provider = await agentEvidence({ evidence, role: rest.role, text, log })
  const pins = readPins(readFileSync(gatewayPins, 'utf8'))
  const agent = createAgent({ ...rest, ...limits, provider, gatewayPins: pins, log })
  const port = await agent.listen(listen)
  if (provider.kind === 'simulated') log('warn', 'simulated-evidence', { listener: 'loopback' })
  log('info', 'listening', { port, kind: provider.kind })
  onSignals(log, drain, () => agent.close(drain))
}

function onSignals(log: Log<AgentEvents>, within: number, close: () => Promise<void>): void {
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

function options(): { config?: string | undefined; help?: boolean | undefined } {
  try {
    return parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean' } } }).values
  } catch {
    return {}
  }
}

// A log that nobody reads any more (a pipe whose reader ended) is no reason to stop serving.
process.stdout.on('error', () => undefined)

const { config, help } = options()
if (help === true) {
  process.stdout.write(usage)
} else if (config === undefined) {
  process.stderr.write(usage)
  process.exitCode = 2
} else {
  const log = createLog<AgentEvents>({ service: 'cvm', write: (line) => void process.stdout.write(line) })
  await run(config, log).catch((cause: unknown) => giveUp(log, cause))
}
