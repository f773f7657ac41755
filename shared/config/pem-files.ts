/**
 * Files of the two TLS hops: certificates, private keys, authorities and pins; and what must hold among them. Each is read
 * as OpenSSL will read it, which by itself takes a file without any certificate for an authority. RFC 7468, trust.md 1.
 */
import { X509Certificate } from 'node:crypto'
import { Refusal } from '../refusal.ts'
import { secureContext } from '../upstream/dial.ts'
import { lives, readPins } from '../upstream/pins.ts'
import type { Found, Look } from './contents.ts'
import { file, holding, secretFile } from './file-kinds.ts'
import { aroundHoles } from './unsound.ts'

const blocks = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

export const certificateFile = holding(file, {
  what: 'a certificate',
  reads: certificatesIn,
  remedy: 'give it in PEM, and below it those between it and its authority',
})

export const authorityFile = holding(file, {
  what: 'a file of authorities',
  reads: certificatesIn,
  remedy: 'give certificates in PEM, at least one: with none in it, nobody would be believed',
})

export const privateKeyFile = holding(secretFile, {
  what: 'a private key',
  reads: privateKeyIn,
  remedy: 'give it in PEM, without a passphrase; openssl pkey -in OLD -out NEW makes one of others',
})

export const pinFile = holding(file, {
  what: 'a file of pins',
  reads: (bytes, now) => readPins(bytes.toString('utf8'), now),
  remedy:
    'write a line for each key: SHA-256 of its public key (SPKI) in lower-case hex, and its end in UTC, within 90 days',
})

/** Refuses `bad-encoding` a file without any, and one that cannot be read. */
function certificatesIn(bytes: Buffer): void {
  const found = bytes.toString('latin1').match(blocks) ?? []
  for (const [at, block] of found.entries()) {
    try {
      new X509Certificate(block)
    } catch {
      throw new Refusal('bad-encoding', `certificate ${at + 1} in it cannot be read`)
    }
  }
  if (found.length === 0) throw new Refusal('bad-encoding', 'there is no line -----BEGIN CERTIFICATE----- in it')
}

/** Refuses `bad-encoding`. What OpenSSL says stays here: the file is a secret. */
function privateKeyIn(key: Buffer): void {
  try {
    secureContext({ key })
  } catch {
    const locked = /ENCRYPTED/.test(key.toString('latin1'))
    throw new Refusal('bad-encoding', locked ? 'it is locked with a passphrase' : 'there is no key in PEM in it')
  }
}

type Shown = { readonly key: string; readonly cert: string }

/** `path`: of the group that has both. */
export function pairFound(path: string, shown: Shown | undefined, { file }: Look): readonly Found[] {
  const isPair = ({ key, cert }: Shown): boolean => fitTogether({ key: file(key), cert: file(cert) })
  if (shown === undefined || aroundHoles(() => isPair(shown), true)) return []
  const remedy = 'name the two that were made together; after a renewal, put both in place'
  return [{ path: `${path}.key`, wrong: `is not the key of the certificate ${shown.cert}`, remedy }]
}

function fitTogether(pair: { readonly key: Buffer; readonly cert: Buffer }): boolean {
  try {
    secureContext(pair)
    return true
  } catch (cause) {
    if (cause instanceof Refusal) return false
    throw cause
  }
}

type Pinned = { readonly path: string; readonly file: string; readonly what: string }

/** `all`: of everybody with pins; `others`: whether there is somebody without, who is known in another way. */
export function endedPinsFound(all: readonly Pinned[], others: boolean, { file, now }: Look): readonly Found[] {
  const live = (name: string): boolean => lives(readPins(file(name).toString('utf8'), now), now)
  const ended = all.filter((one) => !aroundHoles(() => live(one.file), true))
  const bearable = others || ended.length < all.length
  return ended.map(({ path, what }) => ({
    path,
    wrong: `has no pin that has not ended, so that ${what} is not believed`,
    remedy: 'have its operator say the pin of the key that is in use now, and put that into the file',
    bearable,
  }))
}
