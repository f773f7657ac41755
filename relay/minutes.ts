/** Things that happened to requests, told as a count when a minute is over: a time of their own would name them (OPS-1). */

const minute = 60_000

export type MinuteCount = {
  readonly add: () => void
  /** Tells what has not been told yet. */
  readonly flush: () => void
}

export function countByMinute(now: () => number, tell: (count: number) => void): MinuteCount {
  let count = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (count > 0) tell(count)
    count = 0
  }
  return {
    add() {
      count++
      timer ??= setTimeout(flush, minute - (now() % minute))
    },
    flush,
  }
}
