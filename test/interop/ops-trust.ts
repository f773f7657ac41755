/** Door ops of the trust rooms: report-data.make and policy.check. */
import { hex } from '../../shared/bytes.ts'
import { bindingFields, reportData, type Binding } from '../../shared/attestation/report-data.ts'
import { readRootFields } from '../../shared/attestation/root-fields.ts'
import { verifyPolicy } from '../../shared/attestation/signed-policy.ts'
import { timeText } from '../../shared/tlog/json-fields.ts'
import type { Case, Op } from './case.ts'

export const trustOps: Readonly<Record<string, Op>> = {
  'report-data.make': (input) => hex(reportData(bindingOf(input))),
  'policy.check': policy,
}

/**
 * `policy` is the text that was signed, with its first line; `signatures` are the note's lines; `trust` is the value of
 * a root's text, which the case vouches for.
 */
async function policy(input: Case): Promise<object> {
  const lines = input.texts('signatures').map((line) => (line.endsWith('\n') ? line : `${line}\n`))
  const { serial, notAfter } = await verifyPolicy(`${input.text('policy')}\n${lines.join('')}`, {
    root: readRootFields(input.raw('trust')),
    now: input.time('now'),
    lastSerial: input.has('last_serial') ? input.integer('last_serial') : undefined,
  })
  return { serial, not_after: timeText(notAfter) }
}

/** Every field of the case by its JSON name, hex where the binding wants bytes. */
export function bindingOf(input: Case): Binding {
  const kind = input.integer('kind')
  const named = Object.values(bindingFields)
    .flat()
    .filter(({ name }) => input.has(name))
  const fields = named.map(({ name, shape }) => {
    if (shape === 'role') return [name, input.text(name)]
    return [name, shape === 'seconds' ? input.integer(name) : input.hex(name)]
  })
  return { kind, ...Object.fromEntries(fields) } as Binding
}
