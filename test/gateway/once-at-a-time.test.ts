import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { onceAtATime } from '../../gateway/once-at-a-time.ts'

test('work that is still under way is not begun again, and after its end it is', async () => {
  const ends: (() => void)[] = []
  const tick = onceAtATime(() => new Promise<void>((resolve) => ends.push(resolve)))
  for (let i = 0; i < 3; i++) tick()
  expect(ends).toHaveLength(1)
  ends[0]?.()
  await turn()
  tick()
  expect(ends).toHaveLength(2)
})
