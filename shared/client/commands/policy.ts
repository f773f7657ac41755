/** `asunder policy`: make, sign, check and explain policies, and say which is current. */
import type { Group } from './command.ts'
import { check } from './policy-check.ts'
import { explain } from './policy-explain.ts'
import { init } from './policy-init.ts'
import { sign, statement } from './policy-sign.ts'

export const policy: Group = {
  summary: 'make, sign, check and explain policies',
  commands: { init, sign, check, explain, statement },
}
