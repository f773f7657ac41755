/** What the two doors of the local pair share: options, signals, and words for a person at a terminal. */
import { styleText } from 'node:util'
import { placements } from '../../../shared/attestation/root-fields.ts'
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import { profiles, type Profile } from '../../../shared/shaping/profile.ts'
import { modelServerUrl } from '../app/model-server.ts'

export const pairOptions = {
  upstream: { type: 'string' },
  placement: { type: 'string', default: 'front' },
  profile: { type: 'string', default: 'direct' },
  pace: { type: 'string' },
  keep: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const pairHelp = `  --upstream URL     a real OpenAI-compatible model server in place of the built-in app:
                     https, or http on this machine
  --placement WORD   who opens requests: front, the gateway (default); inside, the gateway in the CVM; sealed, the
                     CVM alone, in a second seal that the gateway carries and cannot open
  --profile WORD     how the traffic is shaped: direct (default), as it comes; mixed, at
                     ticks; paced, and streams in cells of one size
  --pace MS          milliseconds between two words of the built-in app (default: 15)
  --keep             keep the run's folder (settings, logs, keys of this run) when it ends
  -h, --help         this text`

type Given = {
  readonly upstream?: string | undefined
  readonly placement: string
  readonly profile: string
  readonly pace?: string | undefined
}

/** Throws TypeError with a sentence that names the option. */
export function checked({ upstream, placement, profile, pace }: Given): {
  upstream: string | undefined
  pace: number | undefined
  placement: Placement
  profile: Profile
} {
  if (pace !== undefined && !(Number(pace) >= 0 && Number(pace) <= 60_000))
    throw new TypeError('--pace: milliseconds, 0 to 60000')
  return {
    upstream: upstream === undefined ? undefined : upstreamOf(upstream),
    pace: pace === undefined ? undefined : Number(pace),
    placement: oneOf(placements, 'placement', placement),
    profile: oneOf(profiles, 'profile', profile),
  }
}

function oneOf<W extends string>(words: readonly W[], option: string, given: string): W {
  const word = words.find((one) => one === given)
  if (word === undefined) throw new TypeError(`--${option}: one of ${words.join(', ')}, not ${JSON.stringify(given)}`)
  return word
}

function upstreamOf(text: string): string {
  try {
    return modelServerUrl(text).href
  } catch (error) {
    throw new TypeError(`--upstream: ${(error as Error).message}`, { cause: error })
  }
}

/** The number of the first signal that asks us to end, for an exit code of 128 + number. */
export function asked(): Promise<number> {
  return new Promise((resolve) => {
    process.once('SIGHUP', () => resolve(1))
    process.once('SIGINT', () => resolve(2))
    process.once('SIGTERM', () => resolve(15))
    // Whoever ends npm means us, but the shell between npm and us does not pass signals on: it dies, and we are adopted.
    const parent = process.ppid
    if (process.env['npm_lifecycle_event'] === undefined) return
    setInterval(() => {
      if (process.ppid !== parent) resolve(15)
    }, 250).unref()
  })
}

/** A line for the person who waits; data never goes here. */
export function say(text: string): void {
  process.stderr.write(`${styleText('dim', text, { stream: process.stderr })}\n`)
}

/** A mistake in how the command was called, without the runtime's advice on escaping. */
export function usageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return `${text.replace(/\.? To specify.*$/s, '')}; see --help`
}
