/** One clock for everything that is told in turns: at whole seconds, so that everybody's minutes change together. */

/** Calls at each whole second of the clock, or right after it, until the result is called. Keeps no process alive. */
export function everySecond(now: () => number, call: () => void): () => void {
  let timer: NodeJS.Timeout
  const wait = (): void => {
    timer = setTimeout(beat, 1000 - (now() % 1000)).unref()
  }
  const beat = (): void => {
    // Armed first: what fails in one second is no reason to miss the next.
    wait()
    call()
  }
  wait()
  return () => clearTimeout(timer)
}
