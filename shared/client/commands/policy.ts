/** `asunder policy`: make, sign, check and explain policies, and say which is current. */
import { group } from './command.ts'
import { check } from './policy-check.ts'
import { explain } from './policy-explain.ts'
import { init } from './policy-init.ts'
import { sign, statement } from './policy-sign.ts'

export const policy = group(
  'policy',
  'make, sign, check and explain policies',
  'A policy says which machines and images a client accepts: never more than its trust root, and for a week at most.',
  { init, sign, check, explain, statement },
)
