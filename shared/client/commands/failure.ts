/** From anything that was thrown to an exit code and lines that say what happened and what to do. */
import { Refusal } from '../../refusal.ts'
import { refusalsOf } from '../../tlog/json-options.ts'
import { ObliviousError, type ObliviousErrorCode } from '../errors.ts'
import { Failure, UsageError, type ExitCode, type World } from './command.ts'

/** Which option a person would change. */
const options: Partial<Record<ObliviousErrorCode, string>> = {
  'relay-unreachable': '--relay',
  'relay-redirected': '--relay',
  'relay-unexpected': '--relay',
  'bundle-unavailable': '--relay',
  'bundle-unverified': '--trust',
  'trust-unusable': '--trust',
  'placement-mismatch': '--placement',
  'log-forked': '--memory',
  'memory-failed': '--memory',
  'challenge-refused': '--relay-issuer, --gateway-issuer',
}

export function report(error: unknown, world: World): ExitCode {
  if (world.signal.aborted) return 130
  if (error instanceof UsageError) return complain(error.message, world, 2)
  if (error instanceof Failure) return complain(error.message, world, 1)
  if (error instanceof ObliviousError) return complain(wordsFor(error), world, 1)
  if (error instanceof Refusal) return complain(refusalsOf(error).map(told).join('\n  '), world, 1)
  // The library's own words for a call that makes no sense.
  if (error instanceof TypeError && error.message.startsWith('fetch: ')) return complain(error.message, world, 2)
  if (isTimeout(error)) return complain('no complete answer in time; raise --timeout', world, 1)
  return complain(error instanceof Error ? (error.stack ?? error.message) : String(error), world, 1)
}

/** Also for what a file of trust or policy must not say. */
export function told({ code, message }: Refusal): string {
  return `${code}: ${message}`
}

function complain(text: string, world: World, code: ExitCode): ExitCode {
  world.say(`${world.paint('red', 'asunder:')} ${text}`)
  return code
}

function wordsFor(error: ObliviousError): string {
  const option = options[error.code]
  const facts = [
    ...(error.reason === undefined ? [] : [error.reason]),
    ...(error.status === undefined ? [] : [`status ${error.status}`]),
    ...(error.retryAfter === undefined ? [] : [`retry after ${error.retryAfter} s`]),
  ]
  if (error.cause instanceof Error && /^[A-Z][A-Z0-9_]+$/.test(error.cause.message)) facts.push(error.cause.message)
  const about = facts.length === 0 ? '' : ` (${facts.join(', ')})`
  const remedy = `${option === undefined ? '' : `${option}: `}${error.remedy}`
  const leave = error.reason === 'simulated-not-allowed' ? `\n  ${simulatedRemedy}` : ''
  return `${error.message}${about}\n  ${remedy}${leave}`
}

const simulatedRemedy =
  '--allow-simulated: the evidence was made by software; on this machine, for development, name the root that may'

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}
