/** A process in a network of its own: is told what to run, runs level 2, and tells what came of it. */
import { runNet } from './run.ts'
import type { FromInside, ToInside } from './level2.ts'

function tell(message: FromInside): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()))
}

process.once('message', ({ seed, quick, tests }: ToInside) => {
  const wanted = (id: string): boolean => tests.length === 0 || tests.some((name) => id.startsWith(name))
  const progress = (text: string): void => void tell({ progress: text })
  runNet({ seed, quick, wanted, progress }).then(
    (done) => tell({ done }).then(() => process.exit(0)),
    (error: unknown) =>
      tell({ failed: error instanceof Error ? error.message : String(error) }).then(() => process.exit(1)),
  )
})
// Who asked is gone, and so is everything in here.
process.once('disconnect', () => process.exit(1))
