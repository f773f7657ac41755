/**
 * Makes sealed-exchange.json: inner messages of the sealed exchange (trust.md 5), put together by hand from RFC 9458
 * §4.3-4.4 and draft-ietf-ohai-chunked-ohttp-08 §4-6 over the `hpke` package and Node's HKDF. Nothing of ours is used, so
 * that our code is held against another hand. Dice are thrown: the file is made once and kept.
 *
 *   node test/vectors/make-sealed.ts > test/vectors/sealed-exchange.json
 */
import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto'
import * as foreign from 'hpke'

type Aead = { id: number; nk: number; cipher: 'aes-128-gcm' | 'aes-256-gcm'; hpke: foreign.AEADFactory }
type Kem = { id: number; hpke: foreign.KEMFactory }

const aes128: Aead = { id: 1, nk: 16, cipher: 'aes-128-gcm', hpke: foreign.AEAD_AES_128_GCM }
const aes256: Aead = { id: 2, nk: 32, cipher: 'aes-256-gcm', hpke: foreign.AEAD_AES_256_GCM }
const x25519 = { id: 0x0020, hpke: foreign.KEM_DHKEM_X25519_HKDF_SHA256 } as unknown as Kem
const xWing: Kem = { id: 0x647a, hpke: foreign.KEM_MLKEM768_X25519 }

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const text = (value: string): Buffer => Buffer.from(value, 'utf8')
const final = text('final')
const none = Buffer.alloc(0)

async function sender(kem: Kem, aead: Aead, keyId: number, label: string) {
  const suite = new foreign.CipherSuite(kem.hpke, foreign.KDF_HKDF_SHA256, aead.hpke)
  const pair = await suite.GenerateKeyPair(true)
  const header = Buffer.alloc(7)
  header.writeUInt8(keyId, 0)
  header.writeUInt16BE(kem.id, 1)
  header.writeUInt16BE(1, 3)
  header.writeUInt16BE(aead.id, 5)
  const info = Buffer.concat([text(`${label} request`), Buffer.of(0), header])
  const { encapsulatedSecret: enc, ctx } = await suite.SetupSender(pair.publicKey, { info })
  const secret = await ctx.Export(text(`${label} response`), Math.max(aead.nk, 12))
  const fields = {
    key_id: keyId,
    kem_id: kem.id,
    kdf_id: 1,
    aead_id: aead.id,
    skR: hex(await suite.SerializePrivateKey(pair.privateKey)),
    pkR: hex(await suite.SerializePublicKey(pair.publicKey)),
    enc: hex(enc),
  }
  return { header, enc, ctx, secret, fields }
}

function answerKeys(aead: Aead, enc: Uint8Array, secret: Uint8Array) {
  const responseNonce = randomBytes(Math.max(aead.nk, 12))
  const salt = Buffer.concat([enc, responseNonce])
  const key = Buffer.from(hkdfSync('sha256', secret, salt, 'key', aead.nk))
  const nonce = Buffer.from(hkdfSync('sha256', secret, salt, 'nonce', 12))
  const seal = (plaintext: Buffer, aad: Buffer = none, count = 0): Buffer => {
    const counted = Buffer.from(nonce)
    counted.writeUInt32BE((counted.readUInt32BE(8) ^ count) >>> 0, 8)
    const cipher = createCipheriv(aead.cipher, key, counted).setAAD(aad)
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }
  return { responseNonce, seal }
}

async function whole(id: string, kem: Kem, aead: Aead, keyId: number) {
  const { header, enc, ctx, secret, fields } = await sender(kem, aead, keyId, 'asunder sealed')
  const [request, response] = [text(`a request, ${id}`), text(`an answer, ${id}`)]
  const { responseNonce, seal } = answerKeys(aead, enc, secret)
  return {
    id,
    ...fields,
    request: hex(request),
    encapsulated_request: hex(Buffer.concat([header, enc, await ctx.Seal(request)])),
    response: hex(response),
    response_nonce: hex(responseNonce),
    encapsulated_response: hex(Buffer.concat([responseNonce, seal(response)])),
  }
}

/** RFC 9000 §16; no chunk here is longer than 63 octets. */
const framed = (sealed: Uint8Array): Buffer => Buffer.concat([Buffer.of(sealed.length), sealed])

async function pieces(id: string, kem: Kem, aead: Aead, keyId: number) {
  const { header, enc, ctx, secret, fields } = await sender(kem, aead, keyId, 'asunder sealed chunked')
  const [request, response] = [
    ['first', 'second', 'last'],
    ['one', 'two', ''],
  ].map((list) => list.map(text)) as [Buffer[], Buffer[]]
  const { responseNonce, seal } = answerKeys(aead, enc, secret)
  const there: Uint8Array[] = [header, enc]
  for (const [at, piece] of request.entries()) {
    if (at < request.length - 1) there.push(framed(await ctx.Seal(piece)))
    else there.push(Buffer.of(0), await ctx.Seal(piece, final))
  }
  const back = response.map((piece, at) =>
    at < response.length - 1 ? framed(seal(piece, none, at)) : Buffer.concat([Buffer.of(0), seal(piece, final, at)]),
  )
  return {
    id,
    ...fields,
    request_chunks: request.map(hex),
    encapsulated_request: hex(Buffer.concat(there)),
    response_chunks: response.map(hex),
    response_nonce: hex(responseNonce),
    encapsulated_response: hex(Buffer.concat([responseNonce, ...back])),
  }
}

const made = {
  source: 'trust.md 5, made by make-sealed.ts',
  standard: [
    await whole('sealed-x25519-aes128', x25519, aes128, 1),
    await whole('sealed-x25519-aes256', x25519, aes256, 2),
    await whole('sealed-xwing-aes128', xWing, aes128, 3),
  ],
  chunked: [
    await pieces('sealed-chunked-x25519-aes128', x25519, aes128, 4),
    await pieces('sealed-chunked-xwing-aes256', xWing, aes256, 5),
  ],
}
process.stdout.write(`${JSON.stringify(made, null, 2)}\n`)
