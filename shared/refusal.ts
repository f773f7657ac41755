/** The one error that a stranger can cause. The code travels to logs, doors and typed client errors; the message stays with us. */

/** Every stable code of ours, one list so that no two rooms mean different things by one word. Keep it sorted. */
export const refusalCodes = [
  'bad-authority', // empty, malformed, or in conflict with Host
  'bad-chain', // evidence that does not lead to a pinned root
  'bad-checkpoint', // a signed text that is no checkpoint: origin, size, root
  'bad-control-data', // Binary HTTP: method, scheme, path or status that HTTP does not allow
  'bad-encoding', // text, base64, JSON or hex that is not what its format demands
  'bad-evidence', // evidence that is not laid out as its kind demands
  'bad-field', // Binary HTTP: a field name or value that HTTP does not allow
  'bad-framing', // a length, indicator or terminator that contradicts its format
  'bad-hash-length', // log proofs: a hash, leaf or root that does not have 32 bytes
  'bad-key-config', // key configuration list that must be discarded as a whole
  'bad-padding', // non-zero padding
  'bad-signature', // a signature of a known key that does not verify
  'bad-trust-root', // a trust root that breaks its own rules, or does not follow the one before it
  'binding-mismatch', // evidence that speaks of another key, nonce or connection
  'body-too-large', // over the size limit
  'bundle-expired', // bundle outside its validity, or valid for too long
  'bundle-mismatch', // signed bundle that is not what the caller asked for
  'cannot-open', // HPKE or AEAD: wrong key, bad point, bad tag; never says which
  'checkpoint-rolled-back', // a checkpoint smaller than one already seen
  'chunk-empty', // chunked OHTTP: an empty chunk that is not the final one
  'chunk-too-large', // chunked OHTTP: longer than the receiver promised
  'cosignature-from-future', // a witness clock ahead of ours, or our clock behind
  'cosignature-too-old', // witnesses silent for longer than the caller accepts
  'cosignature-without-time', // timestamp 0: says nothing of when
  'date-outside-window', // Date missing or too far from ours
  'evidence-expired', // evidence, endorsement or verdict past its end
  'evidence-refused', // evidence that fails its own checks
  'evidence-unavailable', // no evidence to be had at the moment
  'exhausted', // a counter or quota that must not wrap is used up
  'expectation', // an inner Expect field
  'incomplete', // the message ended before its end
  'index-out-of-range', // log proofs: an index that the tree does not have
  'insecure-configuration', // a combination of settings that we do not run
  'malformed-note', // C2SP signed note
  'malformed-proof', // C2SP tlog-proof
  'measurement-refused', // attested, but not the code that policy names
  'method-not-allowed', // CONNECT, TRACE, or outside the route's list
  'new-root-mismatch', // consistency: the path does not lead to the newer root
  'no-attested-cvm', // no lease, therefore no opening
  'no-proof', // nothing was offered to show that it is in the log
  'old-root-mismatch', // consistency: the path does not lead to the older root
  'placement-mismatch', // bundle of another placement than the caller named
  'policy-refused', // policy does not allow it
  'proof-too-long', // log proofs: hashes left over
  'proof-too-short', // log proofs: hashes missing
  'quorum-not-met', // too few witness operators
  'role-refused', // attested, but for another role
  'rolled-back', // a serial lower than one already seen
  'root-expired', // the newest trust root is past its end
  'root-mismatch', // inclusion: another leaf, or a damaged path
  'seen-before', // replay
  'simulated-not-allowed', // simulated evidence without the caller's explicit leave
  'sizes-out-of-order', // consistency from a larger tree to a smaller one
  'split-view', // two roots for one size, both signed: keep both as evidence
  'stalled', // neither sent nor read for too long
  'store-full', // replay store at its cap
  'target-not-allowed', // outside the allow-list
  'target-unreachable', // the CVM or its app did not answer
  'too-many', // fields, informational responses, chunks
  'trailing-data', // bytes after the end
  'truncated', // bytes missing
  'unknown-key', // key id that is not ours
  'unknown-log-key', // a checkpoint without a signature of its log's key
  'unsigned', // signature threshold not met
  'unsupported-signature', // a signature type that this runtime cannot verify
  'unsupported-suite', // outside our table, or not offered for that key
  'unusable-key', // a public key or point that its KEM refuses
  'witness-repeated', // enough cosignatures, but not of enough operators
  'wrong-origin', // a checkpoint of another log
] as const

export type RefusalCode = (typeof refusalCodes)[number]

/**
 * Thrown for anything that bad input causes. Programmer mistakes are `TypeError` instead and fail at start.
 * The message is for our own eyes: it never leaves the process that made it.
 */
export class Refusal extends Error {
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Refusal'
    this.code = code
  }
}

/** Runs `work`; any Refusal it throws comes out under `code` instead, the original as its cause. */
export function refuseAs<T>(code: RefusalCode, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof Refusal && cause.code !== code) throw new Refusal(code, cause.message, { cause })
    throw cause
  }
}
