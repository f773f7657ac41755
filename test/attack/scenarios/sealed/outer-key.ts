/** The gateway operator's own reading of the outer layer: with the key that rests in its file. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { aeads, hkdfSha256, x25519 } from '../../../../shared/hpke/suites.ts'
import { createGatewayKey } from '../../../../shared/ohttp/gateway-key.ts'
import { openRequest } from '../../../../shared/ohttp/request.ts'

export function opensWithFile(folder: string, body: Uint8Array): readonly Uint8Array[] {
  const text = readFileSync(join(folder, 'keys.json'), 'latin1')
  const found = [...text.matchAll(/(?<![\w+/-])[\w+/-]{43}=?(?![\w+/=-])/g)].map(([word]) =>
    Buffer.from(word, 'base64'),
  )
  const suites = aeads.map((aead) => ({ kdf: hkdfSha256, aead }))
  return found.flatMap((privateKey) => {
    try {
      const key = createGatewayKey({
        keyId: body[0] ?? 0,
        kem: x25519,
        suites,
        privateKey: Uint8Array.from(privateKey),
      })
      return [openRequest(() => key, body).content]
    } catch {
      return []
    }
  })
}
