/**
 * Admission by anonymous token: looked at, spent and dropped here; nothing of it goes on. RFC 9577; PP-9 to PP-11,
 * wire.md "Heads are constants", privacy.md 4.9.
 */
import { serverOf } from '../shared/config/shared-store.ts'
import { gateKeys } from '../shared/config/tokens.ts'
import { problem, type Problem } from '../shared/http/problem.ts'
import { createGate, type Gate } from '../shared/privacy-pass/gate.ts'
import { blindRsaVerifier } from '../shared/privacy-pass/rsa.ts'
import { Refusal, type RefusalCode } from '../shared/refusal.ts'
import { createLedger, tokenShare } from '../shared/store/ledger.ts'
import { createSqliteStore } from '../shared/store/sqlite.ts'
import type { Store, StoreState } from '../shared/store/store.ts'
import { createValkeyStore } from '../shared/store/valkey.ts'
import type { RelaySettings } from './config.ts'
import type { Outcome, RelayLog } from './vocabulary.ts'

export type Unadmitted = { readonly refused: Problem; readonly outcome: Outcome }

/** Takes the `authorization` field of a request; nothing comes back for a token that was taken. */
export type TokenCheck = (field: string | undefined) => Promise<Unadmitted | undefined>

const outcomes: Partial<Record<RefusalCode, Outcome>> = {
  'token-missing': 'token-missing',
  'token-refused': 'token-refused',
  'token-spent': 'token-spent',
}

export function tokenCheck(gate: Gate): TokenCheck {
  return async (field) => {
    try {
      await gate.check(field)()
      return undefined
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      return unadmitted(cause.code, gate.challenge())
    }
  }
}

/** One answer for everything that can be wrong with a token; another one when it is we who cannot take any. */
function unadmitted(code: RefusalCode, challenge: string | undefined): Unadmitted {
  const outcome = outcomes[code]
  if (outcome === undefined || challenge === undefined) return { refused: problem(503), outcome: 'token-unavailable' }
  return { refused: problem(401, { challenge }), outcome }
}

export type TokenDesk = {
  readonly check: TokenCheck
  /** a key is in force and the store does its work */
  readonly works: () => boolean
  close(): Promise<void>
}

export type DeskWorld = {
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  readonly file: (path: string) => Buffer
  readonly path: (name: string) => string
  readonly log: RelayLog
}

type TokenSettings = NonNullable<RelaySettings['tokens']>

/** How often a store that failed is tried again, beside the requests. */
const tick = 5_000

export function openTokenDesk(settings: TokenSettings, world: DeskWorld): TokenDesk {
  const { issuer, origins, keys: rows, store } = settings
  const { now, random } = world
  const keys = gateKeys('tokens.keys', rows, (file) => world.file(file).toString('utf8'), blindRsaVerifier)
  const claims = spentTokens(store, world)
  const ledger = createLedger({ claims, now, random })
  const gate = createGate({ issuer, origins, keys, spend: ledger.spend, now })
  const timer = setInterval(() => void ledger.probe(), tick).unref()
  return {
    check: tokenCheck(gate),
    works: () => ledger.works() && gate.challenge() !== undefined,
    async close() {
      clearInterval(timer)
      await claims.close()
    },
  }
}

/** What the relays of one operator share must survive each of them: a file, or a server; memory is no kind of it here. */
function spentTokens({ file, valkey, claims }: TokenSettings['store'], { now, path, log, ...world }: DeskWorld): Store {
  const shares = { [tokenShare]: claims }
  const told = (state: StoreState): void => log(state === 'works' ? 'info' : 'warn', 'store', { state })
  if (valkey !== undefined) return createValkeyStore({ ...serverOf(valkey, world.file), shares, told, now })
  if (file === undefined) throw new TypeError('the settings were not checked: no place for spent tokens')
  return createSqliteStore({ file: path(file), shares, now })
}
