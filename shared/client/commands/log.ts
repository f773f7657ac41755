/** `asunder log`: leaves, proofs and checkpoints of the public log, and a log of one's own for development. */
import { group, type Command } from './command.ts'
import { audit } from './log/audit.ts'
import { add, checkpoint, init, prove } from './log/development.ts'
import { leaf } from './log/leaf.ts'
import { verify } from './log/verify.ts'
import { witness } from './log/witness.ts'

export const log: Command = group(
  'log',
  'make leaves, check proofs and checkpoints of the public log',
  `What Asunder puts into a transparency log (C2SP), and what it says of itself. leaf, verify and audit are for every log;
init, add, checkpoint, prove and witness make one on this disk, for development and named so.`,
  { leaf, verify, audit, init, add, checkpoint, prove, witness },
)
