/** How long to leave a CVM alone after it failed: doubling up to a cap, with jitter, so that replicas do not knock together. */

export type BackOffOptions = {
  /** milliseconds after the first failure */
  readonly first: number
  /** milliseconds at most */
  readonly cap: number
  /** from 0 up to 1, 1 excluded */
  readonly random: () => number
}

export class BackOff {
  readonly #options: BackOffOptions
  #failures = 0

  constructor(options: BackOffOptions) {
    this.#options = options
  }

  /** Nothing has worked since the last failure: try one at a time. */
  get doubtful(): boolean {
    return this.#failures > 0
  }

  /** Milliseconds to wait from now: between half and all of what this failure costs. */
  failed(): number {
    const { first, cap, random } = this.#options
    const full = Math.min(cap, first * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    return full * (0.5 + random() / 2)
  }

  worked(): void {
    this.#failures = 0
  }
}
