/** `asunder bundle`: fetch the signed bundle through the relay, verify it, and say what it means. */
import { abortable } from '../streams.ts'
import type { Verdict } from '../verdict.ts'
import type { Command } from './command.ts'
import { connect, connectionHelp, connectionOptions, parsed } from './connection.ts'

const options = { ...connectionOptions, json: { type: 'boolean' } } as const

const help = `Usage: asunder bundle [options]

Fetches the signed key bundle through the relay, verifies it against the trust root, and explains it.
Exits with 0 only if the bundle may be used.

  --json                  print the verdict as one JSON object

${connectionHelp}`

export const bundle: Command = {
  summary: 'fetch, verify and explain the signed key bundle',
  help,
  async run(args, world) {
    const { values } = parsed(args, options)
    const { fetch, signal } = await connect(values, world)
    try {
      const verdict = await abortable(fetch.ready(), signal)
      await world.out(values.json === true ? `${JSON.stringify(verdict)}\n` : explained(verdict))
      return 0
    } finally {
      await fetch.close()
    }
  },
}

function explained(verdict: Verdict): string {
  const { placement, operatorTrusted, serial, rootVersion, use, key } = verdict
  const rows = [
    ['placement', operatorTrusted ? `${placement} (the gateway's operator is trusted)` : placement],
    ['bundle', `serial ${serial}, signed under root version ${rootVersion} (${use})`],
    ['valid', `${timeOf(verdict.notBefore)} to ${timeOf(verdict.notAfter)}`],
    ['key', `id ${key.id}, ${key.kem}, ${key.aead}`],
    ...verdict.notVerified.map((sentence, i) => [i === 0 ? 'not verified' : '', sentence]),
  ]
  return rows.map(([name = '', value = '']) => `${name.padEnd(14)}${value}\n`).join('')
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z')
}
