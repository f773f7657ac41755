/** The life of one message: it ends once, and after a refusal nothing of it is taken any more. */

const ended = (): TypeError => new TypeError('this message has ended')

/** For synchronous halves. */
export class Life {
  #over: unknown

  run<T>(work: () => T): T {
    if (this.#over !== undefined) throw this.#over as Error
    try {
      return work()
    } catch (error) {
      // Later chunks may well open, but the message is broken.
      this.#over = error
      throw error
    }
  }

  finish<T>(work: () => T): T {
    const result = this.run(work)
    this.#over = ended()
    return result
  }
}

/** For asynchronous halves: calls may overlap and are served in their order, so that chunks cannot change places. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #ended = false

  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended) return Promise.reject(ended())
    // A failure stays in the chain and so meets everything that comes later.
    const result = this.#last.then(work)
    this.#last = result
    return result
  }

  finish<T>(work: () => Promise<T>): Promise<T> {
    const result = this.run(work)
    this.#ended = true
    return result
  }
}
