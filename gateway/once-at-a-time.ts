/** Work on an interval: what takes longer than its interval is not begun a second time beside itself. */
export function onceAtATime(work: () => Promise<unknown>): () => void {
  let busy = false
  return () => {
    if (busy) return
    busy = true
    void work().finally(() => (busy = false))
  }
}
