/** `asunder bundle`: fetch the signed bundle through the relay, verify it, and say what it means. */
import { abortable } from '../streams.ts'
import type { Attested } from '../attested.ts'
import type { Verdict } from '../verdict.ts'
import type { Command } from './command.ts'
import { connect, connectionHelp, connectionOptions, parsed } from './connection.ts'
import { table, type Row } from './output.ts'

const options = { ...connectionOptions, json: { type: 'boolean' } } as const

const help = `Usage: asunder bundle [options]

Fetches the signed key bundle through the relay, verifies it against the trust root, and explains it: in inside and
sealed with policy, log proofs and the evidence of every CVM, as before a request. Sends no request. Exits with 0 only if the bundle may be used.

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
  const { placement, operatorTrusted, serial, rootVersion, use, key, attested } = verdict
  return table([
    ['placement', operatorTrusted ? `${placement} (the gateway's operator is trusted)` : placement],
    ['bundle', `serial ${serial}, signed under root version ${rootVersion} (${use})`],
    ['valid', `${timeOf(verdict.notBefore)} to ${timeOf(verdict.notAfter)}`],
    ['key', `id ${key.id}, ${key.kem}, ${key.aead}`],
    ...(attested === undefined ? [] : machines(attested)),
    ...verdict.verified.map((sentence): Row => ['verified', sentence]),
    ...verdict.notVerified.map((sentence): Row => ['not verified', sentence]),
  ])
}

function machines({ age, anchored, policy, cvms, chips, keys, simulated }: Attested): Row[] {
  return [
    ['evidence', simulated ? `${simulatedWords} (${age})` : age],
    ['anchor', `witnesses spoke at ${timeOf(anchored)}`],
    ['policy', `serial ${policy.serial} for ${policy.role}, stated at ${timeOf(policy.stated)}`],
    ['CVMs', `${cvms}, on chips: ${chips}`],
    ...keys.map(({ id, evidence, measurement }): Row => ['keys', `${id}, ${evidence}, image ${measurement}`]),
  ]
}

const simulatedWords = 'SIMULATED: made by software, proves nothing about a machine'

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z')
}
