/** The door of the reporter: settings, a log on stdout, signals. It runs as root, so it does as little as it can. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fromUtf8 } from '../../../shared/bytes.ts'
import { checkLaunch, launchOf } from '../../../shared/launch/launch.ts'
import { createLog, type Log } from '../../../shared/observability/log.ts'
import { readAgentSettings } from '../config.ts'
import { endingOf } from '../ending.ts'
import { platformOf } from './platform.ts'
import { createReporter } from './server.ts'
import type { ReporterEvents } from './vocabulary.ts'

const usage = `asunder reporter: asks the platform for reports, for the agent beside it, over what the agent may say.

  node --permission --allow-net --disable-sigusr1 --allow-fs-read=... --allow-fs-write=... \\
    gateway/cvm/reporter/main.ts --config FILE.json

  --config FILE   the agent's settings, to the byte: their SHA-256 is what this machine was started with
  --help          this text

Runs as root. The socket of evidence.reporter lies in a folder (0700) that belongs to the agent's user.
Signals: SIGTERM or SIGINT ends.
Exit codes: 0 stopped, 1 failed, 2 settings, or an environment that is not safe; what to do is on stderr.
`

async function run(config: string, log: Log<ReporterEvents>): Promise<void> {
  checkLaunch(launchOf(process), 'cvm')
  const text = readFileSync(config)
  const settings = readAgentSettings(fromUtf8(text))
  const { provider, socket } = await platformOf(settings, text)
  const reporter = createReporter({ provider, role: settings.role, log })
  await reporter.listen(socket)
  log('info', 'listening', { kind: provider.kind })
  const stop = (): void => {
    log('info', 'stopped', { why: 'signal' })
    void reporter.close().then(() => process.exit(0))
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
}

function giveUp(log: Log<ReporterEvents>, cause: unknown): void {
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

process.stdout.on('error', () => undefined)

const { config, help } = options()
if (help === true) {
  process.stdout.write(usage)
} else if (config === undefined) {
  process.stderr.write(usage)
  process.exitCode = 2
} else {
  const log = createLog<ReporterEvents>({ service: 'reporter', write: (line) => void process.stdout.write(line) })
  await run(config, log).catch((cause: unknown) => giveUp(log, cause))
}
