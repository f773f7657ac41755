/** Key configurations: what a gateway offers and how a client may use it. RFC 9458 §3. */
import { concat, Reader, uint16, uint8, type Bytes } from '../bytes.ts'
import { kemOf, suiteIds, suiteOf, type Kem, type SuiteIds, type SymmetricSuite } from '../hpke/suites.ts'
import { Refusal, refuseAs } from '../refusal.ts'

export type KeyConfig = {
  readonly keyId: number
  readonly kem: Kem
  readonly publicKey: Bytes
  /** The offered suites that are in our table, in the gateway's order. */
  readonly suites: readonly SymmetricSuite[]
  /** Everything that was offered, as it stood on the wire. */
  readonly offered: readonly SuiteIds[]
}

/** A configuration whose KEM we do not know: its key length is unknown, so nothing behind the KEM id can be read. */
export type UnknownKeyConfig = {
  readonly keyId: number
  readonly kemId: number
  readonly usable: false
  readonly raw: Bytes
}

/** Narrow with `'kem' in entry`. */
export type KeyConfigEntry = KeyConfig | UnknownKeyConfig

export type KeyConfigOptions = Pick<KeyConfig, 'keyId' | 'kem' | 'publicKey' | 'suites'>

/** A configuration of our own making. */
export function createKeyConfig(options: KeyConfigOptions): KeyConfig {
  const { keyId, kem, publicKey, suites } = options
  if (publicKey.length !== kem.publicKeyLength)
    throw new TypeError(`a ${kem.name} key has ${kem.publicKeyLength} bytes`)
  if (suites.length === 0) throw new TypeError('a key configuration needs a suite')
  uint8(keyId) // throws where an id does not fit its byte
  return { keyId, kem, publicKey, suites, offered: suites.map(suiteIds) }
}

/**
 * The body of `application/ohttp-keys`. One bad configuration discards them all (RFC 9458 §3.2): a client that
 * kept the good ones could be told apart from the others by which ones it kept.
 */
export function parseKeyConfigs(bytes: Uint8Array): KeyConfigEntry[] {
  return refuseAs('bad-key-config', () => readList(new Reader(bytes)))
}

export function serializeKeyConfigs(list: readonly KeyConfigEntry[]): Bytes {
  if (list.length === 0) throw new TypeError('a key list holds at least one configuration')
  return concat(...list.map((entry) => lengthPrefixed('kem' in entry ? writeKeyConfig(entry) : entry.raw)))
}

/** One configuration without its length prefix, as evidence binds it. */
export function writeKeyConfig({ keyId, kem, publicKey, offered }: KeyConfig): Bytes {
  const suites = offered.map(({ kdfId, aeadId }) => concat(uint16(kdfId), uint16(aeadId)))
  return concat(uint8(keyId), uint16(kem.id), publicKey, lengthPrefixed(concat(...suites)))
}

/** The reverse; refused as a list would be. */
export function parseKeyConfig(bytes: Uint8Array): KeyConfigEntry {
  return refuseAs('bad-key-config', () => readKeyConfig(new Reader(bytes)))
}

export type Selection = { readonly config: KeyConfig; readonly suite: SymmetricSuite }

/** The first key, and the first suite of that key, that the backend can do: the same choice for every client. */
export function selectKey(
  list: readonly KeyConfigEntry[],
  supports: (kem: Kem, suite: SymmetricSuite) => boolean,
): Selection {
  for (const config of list) {
    if (!('kem' in config)) continue
    const suite = config.suites.find((offer) => supports(config.kem, offer))
    if (suite) return { config, suite }
  }
  throw new Refusal('unsupported-suite', 'no configuration offers a suite that we can use')
}

function readList(from: Reader): KeyConfigEntry[] {
  const list: KeyConfigEntry[] = []
  do list.push(readKeyConfig(new Reader(from.take(from.uint16()))))
  while (!from.done)
  return list
}

function readKeyConfig(from: Reader): KeyConfigEntry {
  const keyId = from.uint8()
  const kemId = from.uint16()
  const kem = kemOf(kemId)
  if (!kem) return { keyId, kemId, usable: false, raw: concat(uint8(keyId), uint16(kemId), from.rest()) }
  const publicKey = from.take(kem.publicKeyLength).slice()
  const offered = readSuites(new Reader(from.take(from.uint16())))
  from.end()
  return { keyId, kem, publicKey, suites: offered.flatMap((ids) => suiteOf(ids) ?? []), offered }
}

function readSuites(from: Reader): SuiteIds[] {
  const length = from.remaining
  if (length === 0 || length % 4 !== 0) throw new Refusal('bad-key-config', `${length} bytes are no list of suites`)
  const suites: SuiteIds[] = []
  while (!from.done) suites.push({ kdfId: from.uint16(), aeadId: from.uint16() })
  return suites
}

function lengthPrefixed(bytes: Uint8Array): Bytes {
  if (bytes.length > 0xffff) throw new TypeError('too long for its length prefix')
  return concat(uint16(bytes.length), bytes)
}
