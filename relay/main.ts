/** The relay's door: arguments, files, signals, the clock and the dice come in here, and nowhere else. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { exitCodeOf, SettingsError } from '../shared/config/read.ts'
import { checkLaunch, launchOf } from '../shared/launch/launch.ts'
import { createLog } from '../shared/observability/log.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'
import { relaySettings } from './config.ts'
import { openRelay, type RelayService } from './service.ts'
import type { RelayEvents } from './vocabulary.ts'

const help = `relay --config FILE

Runs an Oblivious HTTP relay (RFC 9458). FILE is YAML or JSON; relay/README.md explains its settings, and files that
it names are relative to it. Prints one JSON line for each event. SIGTERM lets requests in flight end; a second signal
does not wait.
`

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
  if (values.help === true) return void process.stdout.write(help)
  if (values.config === undefined) throw new SettingsError('--config FILE is needed; see --help')
  const { config } = values
  const settings = relaySettings(readFileSync(config, 'utf8'), config)
  checkLaunch(launchOf(process), isLoopback(settings.listen.host) ? 'loopback' : 'public')
  const log = createLog<RelayEvents>({ service: 'relay', write: (line) => void process.stdout.write(line) })
  const file = (path: string): Buffer => readFileSync(resolve(dirname(config), path))
  const service = await openRelay(settings, { now: Date.now, salt: () => randomBytes(32), file, log })
  endOnSignal(service)
}

// A log that nobody reads any more (a pipe whose reader ended) is no reason to stop serving.
process.stdout.on('error', () => undefined)

function endOnSignal(service: RelayService): void {
  let asked = false
  const end = (): void => {
    const ending = asked ? service.force() : service.close()
    asked = true
    void ending.finally(() => process.exit(0))
  }
  process.on('SIGTERM', end).on('SIGINT', end)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : 'could not start'}\n`)
  process.exit(exitCodeOf(error))
})
