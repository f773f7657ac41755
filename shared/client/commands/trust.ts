/** `asunder trust`: make a trust root, hand it on, and read it. */
import type { Group } from './command.ts'
import { init } from './trust-init.ts'
import { keygen } from './trust-keygen.ts'
import { rotate, sign } from './trust-rotate.ts'
import { show } from './trust-show.ts'

export const trust: Group = {
  summary: 'make, sign, replace and explain trust roots',
  commands: { keygen, init, sign, rotate, show },
}
