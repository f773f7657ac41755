/** A process that adds twenty leaves to the log of a test, one checkpoint after each, beside another that does the same. */
import { join } from 'node:path'
import { openDevelopmentLog } from '../../../shared/development-log/log.ts'
import { openDevelopmentWitness } from '../../../shared/development-log/witness.ts'
import { utf8 } from '../../../shared/bytes.ts'
import { Refusal } from '../../../shared/refusal.ts'

const [folder = '', first = ''] = process.argv.slice(2)
const log = await openDevelopmentLog(join(folder, 'example'))
const ada = await openDevelopmentWitness({ folder: join(folder, 'ada'), now: () => Date.parse('2026-11-22T12:00:00Z') })
for (let at = 0; at < 20; at++) {
  log.add(utf8(`leaf ${Number(first) + at}`))
  await log.checkpoint([ada]).catch(outpaced)
}
log.close()
ada.close()

/** The other process may be faster each time that we try again; it then has signed our leaf as well. */
function outpaced(cause: unknown): void {
  if (!(cause instanceof Refusal) || cause.code !== 'size-conflict') throw cause
}
