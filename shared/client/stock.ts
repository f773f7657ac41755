/** Tokens at rest: lots in one small text, taken out before they are used, so that none is handed out twice. */
import { parseStrictJson } from '../tlog/strict-json.ts'
import { Refusal } from '../refusal.ts'
import { ObliviousError } from './errors.ts'
import type { RollbackMemory } from './memory.ts'

export type Lot = {
  /** what its tokens are good for */
  readonly label: string
  /** milliseconds since 1970 */
  readonly usableFrom: number
  /** base64url, in the order in which they are given out */
  readonly tokens: readonly string[]
}

export type Drawn = { readonly token: string; readonly usableFrom: number }

export class Stock {
  readonly #memory: RollbackMemory
  #last: Promise<unknown> = Promise.resolve()

  constructor(memory: RollbackMemory) {
    this.#memory = memory
  }

  lots(): Promise<readonly Lot[]> {
    return guarded(async () => read(await this.#memory.load()))
  }

  add(lot: Lot): Promise<void> {
    return this.#change((lots) => [...lots, lot])
  }

  /** One of the oldest lot that has any. */
  async draw(label: string): Promise<Drawn | undefined> {
    let drawn: Drawn | undefined
    await this.#change((lots) => {
      const lot = lots.find((one) => one.label === label)
      const [token, ...tokens] = lot?.tokens ?? []
      drawn = lot === undefined || token === undefined ? undefined : { token, usableFrom: lot.usableFrom }
      return lots.map((one) => (one === lot ? { ...one, tokens } : one)).filter((one) => one.tokens.length > 0)
    })
    return drawn
  }

  /** One after the other: a memory without `update` knows nothing of others, and we must not overtake ourselves. */
  #change(change: (lots: readonly Lot[]) => Lot[]): Promise<void> {
    const next = this.#last.then(() => guarded(() => this.#store((stored) => write(change(read(stored))))))
    this.#last = next.catch(() => undefined)
    return next
  }

  async #store(change: (stored: string | undefined) => string): Promise<void> {
    const memory = this.#memory
    if (memory.update === undefined) await memory.save(change(await memory.load()))
    else await memory.update((stored) => Promise.try(change, stored))
  }
}

function write(lots: readonly Lot[]): string {
  return JSON.stringify({ version: 1, lots })
}

function read(text: string | undefined): readonly Lot[] {
  if (text === undefined) return []
  const value = parseStrictJson(text)
  if (!isStock(value)) throw new Refusal('bad-encoding', 'not a wallet')
  return value.lots
}

function isStock(value: unknown): value is { lots: readonly Lot[] } {
  if (typeof value !== 'object' || value === null || !('version' in value) || !('lots' in value)) return false
  return value.version === 1 && Array.isArray(value.lots) && value.lots.every(isLot)
}

function isLot(value: unknown): value is Lot {
  if (typeof value !== 'object' || value === null) return false
  const { label, usableFrom, tokens } = value as Partial<Record<keyof Lot, unknown>>
  const texts = Array.isArray(tokens) && tokens.every((token) => typeof token === 'string')
  return typeof label === 'string' && Number.isSafeInteger(usableFrom) && texts
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new ObliviousError('memory-failed', { cause })
  }
}
