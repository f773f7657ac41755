/** The relay's door: arguments, files, signals, the clock and the dice come in here, and nowhere else. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ask } from '../shared/config/door.ts'
import { outsideOf } from '../shared/config/outside.ts'
import { exitCodeOf } from '../shared/config/read.ts'
import { checkLaunch, launchOf } from '../shared/launch/launch.ts'
import { audited } from '../shared/observability/audit/audited.ts'
import { openRecord, type AuditFailure } from '../shared/observability/audit/record.ts'
import { createLog } from '../shared/observability/log.ts'
import { readyCommand, tellReady } from '../shared/observability/ready.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'
import { relayDefinition } from './config.ts'
import { openRelay, type RelayService, type World } from './service.ts'
import type { RelayEvents } from './vocabulary.ts'

const purpose = 'Runs an Oblivious HTTP relay (RFC 9458); relay/README.md is the page for its operator.'

async function main(): Promise<void> {
  const asked = await ask(
    { definition: relayDefinition, purpose, commands: { ready: readyCommand } },
    outsideOf(process),
  )
  if (asked === undefined) return
  const { command, settings, path } = asked
  if (command === 'ready') {
    process.exitCode = await tellReady(settings.admin, (line) => process.stdout.write(line))
    return
  }
  checkLaunch(launchOf(process), isLoopback(settings.listen.host) ? 'loopback' : 'public')
  const file = (name: string): Buffer => readFileSync(path(name))
  const said = logs(settings.audit === undefined ? undefined : path(settings.audit))
  await endedBySignals(openRelay(settings, { now: Date.now, salt: () => randomBytes(32), file, path, ...said }))
}

/** `audit`: file of the record of security events. */
function logs(audit: string | undefined): Pick<World, 'log' | 'record'> {
  const log = createLog<RelayEvents>({ service: 'relay', write: (line) => void process.stdout.write(line) })
  if (audit === undefined) return { log }
  const failed = (why: AuditFailure): void => log('error', 'audit-failed', { why })
  const record = openRecord({ file: audit, service: 'relay', now: Date.now, failed })
  return { log: audited(log, record), record }
}

// A log that nobody reads any more (a pipe whose reader ended) is no reason to stop serving.
process.stdout.on('error', () => undefined)

/** Listens for signals from the first moment on: the one that comes while it starts counts too. */
async function endedBySignals(opening: Promise<RelayService>): Promise<void> {
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
