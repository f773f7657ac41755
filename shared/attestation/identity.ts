/** The digest under which a log knows what was attested. trust.md 4. */
import { fromHex, type Bytes } from '../bytes.ts'
import { identityDigest } from '../tlog/release.ts'
import type { Identity } from './verdict.ts'

/** SHA-256 of the whole tuple: 32 bytes, for `identitySha256` of a release. A field that its kind does not have is empty. */
export function identityDigestOf({ measurement, hostData, mrConfigId, rtmr, idKeyDigest, role }: Identity): Bytes {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = rtmr
  return identityDigest({
    measurement: fromHex(measurement),
    hostData: fromHex(hostData),
    mrConfigId: fromHex(mrConfigId),
    rtmr: [fromHex(rtmr0), fromHex(rtmr1), fromHex(rtmr2), fromHex(rtmr3)],
    idKeyDigest: fromHex(idKeyDigest),
    role,
  })
}
