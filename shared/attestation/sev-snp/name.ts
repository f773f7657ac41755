/** AMD's names: its organization, then the common name. attestation.md a.3. */
import { fromHex, type Bytes } from '../../bytes.ts'
import { commonNameIn } from '../x509/name.ts'

// OU=Engineering, C=US, L=Santa Clara, ST=CA, O=Advanced Micro Devices: the same in every name that AMD writes.
const organization = [
  '31143012060355040b0c0b456e67696e656572696e67',
  '310b3009060355040613025553',
  '3114301206035504070c0b53616e746120436c617261',
  '310b300906035504080c024341',
  '311f301d060355040a0c16416476616e636564204d6963726f2044657669636573',
].map(fromHex)

/** Undefined for any name that is not built like that, to the byte. */
export function commonName(name: Bytes): string | undefined {
  return commonNameIn(name, { before: organization, after: [] })
}
