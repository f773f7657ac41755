/** The gateway's door: arguments, files, signals, the clock and the dice come in here, and nowhere else. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ask } from '../shared/config/door.ts'
import { outsideOf } from '../shared/config/outside.ts'
import { exitCodeOf } from '../shared/config/read.ts'
import { launchOf } from '../shared/launch/launch.ts'
import { audited } from '../shared/observability/audit/audited.ts'
import { openRecord, type AuditFailure, type AuditRecord } from '../shared/observability/audit/record.ts'
import { createLog } from '../shared/observability/log.ts'
import { readyCommand, tellReady } from '../shared/observability/ready.ts'
import { gatewayDefinition } from './config.ts'
import { publishAttested } from './publish-attested.ts'
import { changeKeys, keyCommands, publishOnce, type KeyCommand } from './key-commands.ts'
import { openGateway, type GatewayService, type World } from './service.ts'
import { checkStart } from './start.ts'
import type { GatewayEvents, GatewayLog } from './vocabulary.ts'

const purpose =
  'Runs an Oblivious HTTP gateway (RFC 9458) in front of an attested CVM; gateway/README.md is the page for its operator.'
const switches = { recorded: 'development: bears node --tls-keylog; listen.host on loopback, evidence simulated' }
const commands = {
  ready: readyCommand,
  publish:
    'front: signs a bundle for the keys in keys.file if theirs is not there yet; inside, sealed: asks the CVMs for ' +
    'evidence of their keys and signs a bundle of them; and ends',
  ...keyCommands,
}
const publishing = { front: publishOnce, inside: publishAttested, sealed: publishAttested }

async function main(): Promise<void> {
  const asked = await ask({ definition: gatewayDefinition, purpose, commands, switches }, outsideOf(process))
  if (asked === undefined) return
  const { command, settings, path } = asked
  if (command === 'ready') {
    process.exitCode = await tellReady(settings.admin, (line) => process.stdout.write(line))
    return
  }
  const recorded = asked.switches.has('recorded')
  checkStart(settings, launchOf(process), recorded)
  const world = worldAround(path, settings.audit && `${settings.audit}${command === 'run' ? '' : '.commands'}`)
  if (recorded) world.log('warn', 'secrets-recorded', { listener: 'loopback' })
  if (command === 'publish') await publishing[settings.placement](settings, world)
  else if (isKeyCommand(command)) await changeKeys(command, settings, world)
  else await endedBySignals(openGateway(settings, world))
}

function isKeyCommand(command: string): command is KeyCommand {
  return command in keyCommands
}

/** `audit`: commands have a record of their own, since another process may be serving by the same settings. */
function worldAround(path: World['path'], audit: string | undefined): World {
  const plain = createLog<GatewayEvents>({ service: 'gateway', write: (line) => void process.stdout.write(line) })
  const record = audit === undefined ? undefined : recordIn(path(audit), plain)
  return {
    now: Date.now,
    random: (length) => Uint8Array.from(randomBytes(length)),
    path,
    file: (name) => readFileSync(path(name)),
    log: record === undefined ? plain : audited(plain, record),
    record,
  }
}

function recordIn(file: string, log: GatewayLog): AuditRecord {
  const failed = (why: AuditFailure): void => log('error', 'audit-failed', { why })
  return openRecord({ file, service: 'gateway', now: Date.now, failed })
}

// A log that nobody reads any more (a pipe whose reader ended) is no reason to stop serving.
process.stdout.on('error', () => undefined)

/** Listens for signals from the first moment on: the one that comes while it starts counts too. */
async function endedBySignals(opening: Promise<GatewayService>): Promise<void> {
  let asked = false
  const end = (): void => {
    const force = asked
    asked = true
    void opening.then((service) => (force ? service.force() : service.close())).finally(() => process.exit(0))
  }
  process.on('SIGTERM', end).on('SIGINT', end)
  process.on('SIGHUP', () => void opening.then((service) => service.reread()))
  await opening
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : 'could not start'}\n`)
  process.exit(exitCodeOf(error))
})
