/**
 * Evidence for the keys on offer, for the publisher: one report a key, which binds exactly one key configuration made in
 * this process to the anchor and the policy that the question names. trust.md 2 and 4 (kind 2).
 */
import type { Evidence } from '../../shared/attestation/evidence.ts'
import {
  keyBinding,
  keyLimits,
  readKeyQuestion,
  writeKeyAnswer,
  type AttestedKey,
  type KeyAnswer,
  type KeyQuestion,
} from '../../shared/attestation/key-evidence.ts'
import { type Bytes, fromUtf8 } from '../../shared/bytes.ts'
import { Refusal } from '../../shared/refusal.ts'
import { anchorOfNote } from '../../shared/tlog/anchor.ts'
import type { OwnKey, OwnKeys } from './own-keys.ts'
import type { EvidenceProvider } from './provider.ts'

export type KeyEvidenceOptions = {
  readonly provider: EvidenceProvider
  readonly role: string
  readonly layer: KeyAnswer['layer']
  readonly keys: OwnKeys
}

/** From the question's octets to the answer's text. Throws Refusal. */
export type KeyEvidence = (question: AsyncIterable<Uint8Array>) => Promise<string>

export function keyEvidence({ provider, role, layer, keys }: KeyEvidenceOptions): KeyEvidence {
  // A slot beside those for connections, so that these cannot starve it however many there are; one, so that it cannot
  // starve them either. A report takes the platform's own time.
  let making = false
  const attested = async (question: KeyQuestion): Promise<AttestedKey[]> => {
    const anchor = anchorOfNote(question.anchor)
    const list: AttestedKey[] = []
    for (const key of keys.current()) list.push(await attest(key, anchor, question.policySha256))
    if (list.length === 0) throw new Refusal('evidence-unavailable', 'no key is on offer')
    return list
  }
  const attest = async (key: OwnKey, anchor: Bytes, policySha256: string): Promise<AttestedKey> => {
    const { keyConfig, sha256: keyConfigSha256, notBefore, notAfter } = key
    const binding = keyBinding({ role, keyConfigSha256, anchor, notBefore, notAfter, policySha256 })
    const evidence: Evidence = await provider.evidence(binding)
    keys.attest(key)
    return { keyConfig, evidence, notBefore, notAfter }
  }
  return async (request) => {
    const question = readKeyQuestion(await textOf(request))
    if (making) throw new Refusal('evidence-unavailable', 'evidence for the keys is in the making')
    making = true
    try {
      return writeKeyAnswer({ layer, keys: await attested(question) })
    } finally {
      making = false
    }
  }
}

async function textOf(request: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of request) {
    length += part.length
    if (length > keyLimits.question) throw new Refusal('body-too-large', 'a longer question than there is')
    parts.push(part)
  }
  return fromUtf8(Buffer.concat(parts))
}
