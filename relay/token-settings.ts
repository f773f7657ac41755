/** The settings of anonymous admission, and what must hold among them. RFC 9577, RFC 9578. */
import { databaseFile, file } from '../shared/config/file-kinds.ts'
import { word } from '../shared/config/kinds.ts'
import { many, optional, type Settings } from '../shared/config/rows.ts'
import type { Rule } from '../shared/config/rules.ts'
import { storeRulesAt, valkeyRows } from '../shared/config/shared-store.ts'
import {
  publishedKeySays,
  tokenClaims,
  tokenKey,
  tokenKeyFile,
  tokenKeyRule,
  tokenRows as common,
} from '../shared/config/tokens.ts'
import { blindRsaVerifier } from '../shared/privacy-pass/rsa.ts'

// Type 2 only: this side of the pair holds no secret key of an issuer.
export const tokenRows = {
  ...common,
  keys: many(tokenKey(tokenKeyFile(file, blindRsaVerifier), 'issuer.key', publishedKeySays)),
  store: {
    // Not in memory: whoever makes a relay start again could spend all tokens once more.
    kind: {
      kind: word(['sqlite', 'valkey']),
      default: 'sqlite',
      says: 'where spent tokens are remembered: in a file that the processes of one machine share, or in a Valkey or Redis that relays on several machines share',
    },
    file: { kind: databaseFile, absent: 'none', example: 'tokens.db', says: 'the file of sqlite' },
    valkey: optional('no server', valkeyRows),
    claims: tokenClaims,
  },
} as const

type Asking = { readonly tokens?: Settings<typeof tokenRows> | undefined }

export const tokenRules: readonly Rule<Asking>[] = [
  tokenKeyRule(({ tokens }) => tokens?.keys, 'tokens.keys'),
  ...storeRulesAt<Asking>('tokens.store', ({ tokens }) => tokens?.store),
]
