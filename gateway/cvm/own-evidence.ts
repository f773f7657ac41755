/**
 * The lease of a process that opens with its own keys: it holds while a key lives for which this process has given
 * evidence, and from the opening on while that very key does. trust.md 3.
 */
import { AttestedCvm, type CvmRequest, type CvmResponse, type Leases } from '../oblivious.ts'
import type { KeyFinder } from '../../shared/ohttp/gateway-key.ts'
import type { AskApp } from './ask-app.ts'
import type { OwnKeys } from './own-keys.ts'

/** What opening asks of the keys. */
export type OpeningKeys = Pick<OwnKeys, 'find' | 'claim' | 'attested'>

/** Only a process with attested keys of its own can grant one. */
export class OwnEvidence extends AttestedCvm {
  readonly #keys: OpeningKeys
  readonly #ask: AskApp
  readonly #giveBack: () => void
  #keyId: number | undefined
  #released = false

  constructor(keys: OpeningKeys, ask: AskApp, giveBack: () => void) {
    super()
    this.#keys = keys
    this.#ask = ask
    this.#giveBack = giveBack
  }

  get alive(): boolean {
    if (this.#released) return false
    return this.#keyId === undefined ? this.#keys.attested : this.#keys.find(this.#keyId) !== undefined
  }

  override finder(find: KeyFinder): KeyFinder {
    return (keyId) => {
      this.#keyId = keyId
      return find(keyId)
    }
  }

  send(request: CvmRequest, signal?: AbortSignal): Promise<CvmResponse> {
    return this.#ask(request, signal)
  }

  release(): void {
    if (this.#released) return
    this.#released = true
    this.#giveBack()
  }
}

/** As many at a time as the app is given. */
export function ownEvidence(keys: OpeningKeys, ask: AskApp, atOnce: number): Leases {
  let free = atOnce
  return {
    lease() {
      if (free < 1) return undefined
      free -= 1
      return new OwnEvidence(keys, ask, () => void (free += 1))
    },
  }
}
