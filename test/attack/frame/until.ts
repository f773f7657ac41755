/** Waiting for something to be so; a scenario never sleeps for a fixed time to see that something did happen. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Rejects when it is not so in time. */
export async function until(holds: () => boolean | Promise<boolean>, within = 5_000): Promise<void> {
  const late = Date.now() + within
  while (!(await holds())) {
    if (Date.now() > late) throw new Error(`not so within ${within} ms`)
    await sleep(5)
  }
}

/** Whether it came to be so in time. */
export async function happens(holds: () => boolean | Promise<boolean>, within: number): Promise<boolean> {
  return until(holds, within).then(
    () => true,
    () => false,
  )
}

/** For what must not happen: gives it time. */
export async function quiet(milliseconds = 100): Promise<void> {
  await sleep(milliseconds)
}
