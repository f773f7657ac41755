/** The gateway's door: arguments, files, signals, the clock and the dice come in here, and nowhere else. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { exitCodeOf, SettingsError } from '../shared/config/read.ts'
import { launchOf } from '../shared/launch/launch.ts'
import { createLog } from '../shared/observability/log.ts'
import { gatewaySettings } from './config.ts'
import { openGateway, publishOnce, type GatewayService, type World } from './service.ts'
import { checkStart } from './start.ts'
import type { GatewayEvents } from './vocabulary.ts'

const help = `gateway [publish] --config FILE

Runs an Oblivious HTTP gateway (RFC 9458) in front of an attested CVM. FILE is YAML or JSON; gateway/README.md explains
its settings, and files that it names are relative to it. Prints one JSON line for each event. SIGTERM lets requests in
flight end; a second signal does not wait.

  --recorded  development: bears node --tls-keylog; listen.host must be loopback, and evidence simulated
  publish     signs a bundle for the keys in keys.file if theirs is not there yet, and ends
`

async function main(): Promise<void> {
  const options = {
    config: { type: 'string' },
    recorded: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (values.help === true) return void process.stdout.write(help)
  const [command = 'run'] = positionals
  if (values.config === undefined || !['run', 'publish'].includes(command))
    throw new SettingsError('--config FILE is needed; see --help')
  const settings = gatewaySettings(readFileSync(values.config, 'utf8'), values.config)
  checkStart(settings, launchOf(process), values.recorded)
  const world = worldAround(dirname(values.config))
  if (values.recorded) world.log('warn', 'secrets-recorded', { listener: 'loopback' })
  if (command === 'publish') await publishOnce(settings, world)
  else endOnSignal(await openGateway(settings, world))
}

function worldAround(folder: string): World {
  const path = (name: string): string => resolve(folder, name)
  return {
    now: Date.now,
    random: (length) => Uint8Array.from(randomBytes(length)),
    path,
    file: (name) => readFileSync(path(name)),
    log: createLog<GatewayEvents>({ service: 'gateway', write: (line) => void process.stdout.write(line) }),
  }
}

// A log that nobody reads any more (a pipe whose reader ended) is no reason to stop serving.
process.stdout.on('error', () => undefined)

function endOnSignal(service: GatewayService): void {
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
