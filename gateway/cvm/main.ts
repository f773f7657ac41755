/** The door of the CVM agent: settings, a log on stdout, signals. Nothing is decided here. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { createLog, type Log } from '../../shared/observability/log.ts'
import { Refusal } from '../../shared/refusal.ts'
import { createAgent } from './agent.ts'
import { agentSettings, readAgentSettings, readPins } from './config.ts'
import { simulatedEvidence } from './simulated.ts'
import type { AgentEvents } from './vocabulary.ts'

const usage = `asunder CVM agent: shows evidence on the connection that will be used, and passes opened requests to the app.

  node gateway/cvm/main.ts --config FILE.json

  --config FILE   settings, strict JSON, every key present
  --help          this text

Settings:
${agentSettings.map(([name, says]) => `  ${name.padEnd(22)}${says}`).join('\n')}

Signals: SIGTERM or SIGINT drains, a second one ends at once.
Exit codes: 0 stopped, 1 failed, 2 settings.
`

async function run(config: string, log: Log<AgentEvents>): Promise<void> {
  const { listen, evidence, limits, drain, gatewayPins, ...rest } = readAgentSettings(readFileSync(config, 'utf8'))
  const provider = simulatedEvidence(evidence)
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
  const insecure = cause instanceof Refusal && cause.code === 'insecure-configuration'
  const settings = cause instanceof Refusal || (cause instanceof Error && 'path' in cause)
  log('error', 'failed', { why: insecure ? 'insecure-configuration' : settings ? 'settings' : 'fault' })
  // For the person who starts it: settings are the operator's own words, not a peer's.
  process.stderr.write(`${cause instanceof Error ? cause.message : 'failed'}\n`)
  process.exitCode = settings ? 2 : 1
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
