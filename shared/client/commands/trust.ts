/** `asunder trust`: make a trust root, hand it on, and read it. */
import { group } from './command.ts'
import { init } from './trust-init.ts'
import { keygen } from './trust-keygen.ts'
import { rotate, sign } from './trust-rotate.ts'
import { show } from './trust-show.ts'

export const trust = group(
  'trust',
  'make, sign, replace and explain trust roots',
  'A trust root says whose signatures an application believes. It ships with the application.',
  { keygen, init, sign, rotate, show },
)
