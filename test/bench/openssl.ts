/** The yardstick that travels between machines: microseconds of one X25519 operation by the system's `openssl speed`. */
import { spawnSync } from 'node:child_process'

/** One second of `openssl speed`; undefined where there is no such program. */
export function x25519Micros(): number | undefined {
  const run = spawnSync('openssl', ['speed', '-seconds', '1', 'ecdhx25519'], { encoding: 'utf8' })
  const rate = /X25519\)\s+[\d.]+s\s+([\d.]+)/.exec(run.stdout)?.[1]
  return rate === undefined ? undefined : 1e6 / Number(rate)
}
