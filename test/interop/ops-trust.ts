/** Door ops of the trust rooms: report-data.make. The judge, notes, logs and policies follow with their issues. */
import { hex } from '../../shared/bytes.ts'
import { bindingFields, reportData, type Binding } from '../../shared/attestation/report-data.ts'
import type { Case, Op } from './case.ts'

export const trustOps: Readonly<Record<string, Op>> = {
  'report-data.make': (input) => hex(reportData(bindingOf(input))),
}

/** Every field of the case by its JSON name, hex where the binding wants bytes. */
function bindingOf(input: Case): Binding {
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
