/** The tokens of one request: a fresh one of each side for every attempt, and one challenge answered at most. PP-9, R19. */
import { asksForToken } from '../privacy-pass/challenge.ts'
import { ObliviousError } from './errors.ts'
import type { Wallet } from './wallet.ts'

/** Who asks for tokens; each has an issuer of its own, so that what they see cannot be put together. */
export type Tokens = { readonly relay?: Wallet; readonly gateway?: Wallet }

export class Passes {
  readonly #tokens: Tokens
  #answered = false

  constructor(tokens: Tokens) {
    this.#tokens = tokens
  }

  /** A value for `authorization`, where the caller gave a wallet for that side. */
  async fresh(side: keyof Tokens): Promise<string | undefined> {
    return this.#tokens[side]?.take()
  }

  /** Returns if one more attempt may be made. Throws ObliviousError `challenge-refused`, `token-refused`. */
  answer(side: keyof Tokens, field: string): void {
    const wallet = this.#tokens[side]
    if (wallet === undefined) throw new ObliviousError('challenge-refused')
    wallet.accept(field)
    if (this.#answered) throw new ObliviousError('token-refused')
    this.#answered = true
  }
}

/** The challenge of a 401 that asks for a token; undefined for everything else. */
export function askedFor(status: number, field: string | null | undefined): string | undefined {
  return status === 401 && typeof field === 'string' && asksForToken(field) ? field : undefined
}
