/** Type 2: RSABSSA-SHA384-PSS-Deterministic, on WebCrypto and a kept library. RFC 9578 §6.1 to §6.3, RFC 9474 §4. */
import { RSABSSA } from '@cloudflare/blindrsa-ts'
import type { Bytes } from '../bytes.ts'
import { plainSpki } from '../privacy-pass/spki.ts'
import type { Blinder } from './blinder.ts'

const suite = RSABSSA.SHA384.PSS.Deterministic()

export async function blindRsaBlinder(tokenKey: Bytes): Promise<Blinder> {
  const algorithm = { name: 'RSA-PSS', hash: 'SHA-384' }
  // Extractable, since the library reads the modulus out of it: it is public.
  const key = await crypto.subtle.importKey('spki', plainSpki(tokenKey), algorithm, true, ['verify'])
  return async (input) => {
    const { blindedMsg, inv } = await suite.blind(key, input)
    return {
      message: blindedMsg as Bytes,
      finish: async (answer) => (await suite.finalize(key, input, answer, inv)) as Bytes,
    }
  }
}
