/** The settings of OHTTP keys, and what must hold among them. trust.md 1. */
import { holding, ownSecretFile, secretFile } from '../shared/config/file-kinds.ts'
import { duration, list, word } from '../shared/config/kinds.ts'
import type { Settings } from '../shared/config/rows.ts'
import { when, type Rule } from '../shared/config/rules.ts'
import { kems } from '../shared/hpke/suites.ts'
import { readRing, ringRemedy } from './key-store.ts'
import { longestLife } from './keyring.ts'

const minute = 60_000

const ring = {
  what: 'a file of keys',
  reads: (bytes: Buffer) => readRing(bytes.toString('utf8')),
  remedy: ringRemedy,
}

export const keyRows = {
  file: {
    kind: holding(ownSecretFile, ring),
    absent: 'memory only',
    says: 'where keys rest between two runs; needs store.kind: sqlite or valkey',
  },
  from: {
    kind: holding(secretFile, ring),
    absent: 'keys turn here',
    example: 'keys.json',
    says: 'keys that turn elsewhere, by asunder-gateway turn-keys: read, looked at every 5 s, never written. For several gateways of one operator',
  },
  kems: {
    kind: list(word(kems.map(({ name }) => name))),
    default: ['X25519', 'X-Wing'],
    says: 'what is offered, in this order',
  },
  lead: { kind: duration(), default: '10min', says: 'how long keys are accepted before they are offered' },
  life: { kind: duration(), default: '12h', says: 'how long they are offered' },
  overlap: {
    kind: duration({ least: 15 * minute }),
    default: '2h',
    says: 'how long they are accepted after that; lead, life and overlap together are at most 24h',
  },
} as const

type Keyed = { readonly keys: Settings<typeof keyRows>; readonly bundle: { readonly signer?: string | undefined } }

export const keyRules: readonly Rule<Keyed>[] = [
  {
    at: ({ keys: { file, from } }) => when(file !== undefined && from !== undefined, 'keys.from'),
    wrong: 'and keys.file are two places for the same keys',
    remedy: 'give keys.file where keys turn, and keys.from where they are only used',
  },
  {
    at: ({ keys: { from }, bundle: { signer } }) => when(from !== undefined && signer !== undefined, 'bundle.signer'),
    wrong: 'signs where keys turn, and with keys.from they turn elsewhere: two signers would use one serial twice',
    remedy: 'remove it, and have asunder-gateway turn-keys sign',
  },
  {
    at: ({ keys: { lead, life, overlap } }) => when(lead + life + overlap > longestLife, 'keys.life'),
    wrong: 'lead, life and overlap together are more than 24 hours',
    remedy: 'shorten one of them; the defaults are 10min, 12h and 2h',
  },
  {
    // Every list splits the crowd: two are the least that a key can turn with.
    at: ({ keys: { lead, life, overlap } }) => when(lead + overlap > life, 'keys.life'),
    wrong: 'is shorter than lead and overlap together, so that more than two lists of keys would live at a time',
    remedy: 'lengthen it, or shorten them; the defaults are 10min, 12h and 2h',
  },
]
