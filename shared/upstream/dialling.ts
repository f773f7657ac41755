/** Opens as many connections as are missing, a few at a time, and knocks ever more seldom while nobody answers. */
import { DialFailure, type Dialled } from './dial.ts'
import type { DialTrouble } from './trouble.ts'

export type DiallingOptions = {
  readonly dial: () => Promise<Dialled>
  readonly missing: () => number
  readonly arrived: (dialled: Dialled) => void
  readonly failed: (why: DialFailure['why']) => void
}

export type Dialling = {
  /** Opens what is missing, unless a pause is on. */
  fill(): void
  /** The same, and what is being opened at this moment will not be taken: it is dialled for what was believed before. */
  anew(): void
  /** Why the last attempt failed; nothing when it did not. */
  readonly down: () => DialFailure['why'] | undefined
  /** What of it an operator could mend. */
  readonly trouble: () => DialTrouble | undefined
  stop(): void
}

// So that a start is no flood of handshakes for the other side.
const atOnce = 8
const firstPause = 100
const longestPause = 5_000

export function createDialling({ dial, missing, arrived, failed }: DiallingOptions): Dialling {
  let under = 0
  let down: DialFailure['why'] | undefined
  let trouble: DialTrouble | undefined
  let pause = firstPause
  let again: NodeJS.Timeout | undefined
  let stopped = false
  let round = 0

  function fill(): void {
    // While nobody answers, one knocks for all.
    const most = down === undefined ? atOnce : 1
    while (again === undefined && !stopped && under < most && under < missing()) {
      under++
      const mine = round
      void dial().then((dialled) => good(dialled, mine), bad)
    }
  }

  function good(dialled: Dialled, mine: number): void {
    under--
    if (stopped) return void dialled.socket.destroy()
    down = trouble = undefined
    pause = firstPause
    if (mine === round) arrived(dialled)
    else dialled.socket.destroy()
    fill()
  }

  function bad(cause: unknown): void {
    under--
    if (stopped) return
    down = cause instanceof DialFailure ? cause.why : 'broken'
    trouble = cause instanceof DialFailure ? cause.trouble : undefined
    again ??= setTimeout(() => {
      again = undefined
      fill()
    }, pause).unref()
    pause = Math.min(longestPause, pause * 2)
    failed(down)
  }

  return {
    fill,
    anew() {
      round++
      fill()
    },
    down: () => down,
    trouble: () => trouble,
    stop() {
      stopped = true
      clearTimeout(again)
    },
  }
}
