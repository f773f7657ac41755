/** The one error that a stranger can cause. The code travels to logs, doors and typed client errors; the message stays with us. */

/** Every stable code of ours, one list so that no two rooms mean different things by one word. Keep it sorted. */
export const refusalCodes = [
  'advisory-refused', // TDX: an advisory that policy does not bear
  'aes-xts-missing', // SEV-SNP policy without AES-256-XTS where it is demanded
  'alias-check-missing', // SEV-SNP platform that did not check its memory for aliases (CVE-2024-21944)
  'attestation-key-unbound', // TDX: the quoting enclave does not vouch for the key that signed the quote
  'audit-broken', // a record of security events that does not hold: edited, cut or moved
  'author-key-refused', // SEV-SNP: another author key than policy names
  'bad-authority', // empty, malformed, or in conflict with Host
  'bad-chain', // evidence that does not lead to a pinned root
  'bad-checkpoint', // a signed text that is no checkpoint: origin, size, root
  'bad-collateral', // TDX: collateral that is not laid out as its format demands
  'bad-control-data', // Binary HTTP: method, scheme, path or status that HTTP does not allow
  'bad-crl', // a revocation list that is not laid out as its profile demands
  'bad-encoding', // text, base64, JSON or hex that is not what its format demands
  'bad-evidence', // evidence that is not laid out as its kind demands
  'bad-field', // Binary HTTP: a field name or value that HTTP does not allow
  'bad-framing', // a length, indicator or terminator that contradicts its format
  'bad-hash-length', // log proofs: a hash, leaf or root that does not have 32 bytes
  'bad-issuer', // a CA certificate that is not laid out as its profile demands
  'bad-key-config', // key configuration list that must be discarded as a whole
  'bad-leaf', // a leaf certificate that is not laid out as its profile demands, or not alone
  'bad-padding', // non-zero padding
  'bad-signature', // a signature of a known key that does not verify
  'bad-trust-root', // a trust root that breaks its own rules, or does not follow the one before it
  'binding-mismatch', // evidence that speaks of another key, nonce or connection
  'body-too-large', // over the size limit
  'bundle-expired', // bundle outside its validity, or valid for too long
  'bundle-mismatch', // signed bundle that is not what the caller asked for
  'cannot-open', // HPKE or AEAD: wrong key, bad point, bad tag; never says which
  'certificate-algorithm-refused', // a certificate signed in another way than its profile has
  'certificate-expired', // a certificate of the chain ended
  'certificate-key-refused', // a certificate with a key of another kind or size
  'certificate-name-mismatch', // issuer or subject that does not belong at this place of the chain
  'certificate-not-yet-valid', // a certificate of the chain did not begin
  'certificate-role-refused', // a CA that is not one, or a leaf that is
  'chain-incomplete', // an issuer or the root is missing
  'challenge-mismatch', // a token for another challenge than those in force
  'checkpoint-rolled-back', // a checkpoint smaller than one already seen
  'chip-masked', // SEV-SNP: the platform hides which chip it is
  'chip-mismatch', // SEV-SNP: the report is of another chip than the certificate
  'chip-refused', // SEV-SNP: a chip that policy does not name
  'chunk-empty', // chunked OHTTP: an empty chunk that is not the final one
  'chunk-too-large', // chunked OHTTP: longer than the receiver promised
  'ciphertext-hiding-missing', // SEV-SNP policy without ciphertext hiding where it is demanded
  'ciphertext-hiding-off', // SEV-SNP platform without ciphertext hiding where it is demanded
  'collateral-expired', // TDX: ratings past their end or age
  'collateral-issuer-refused', // TDX: ratings signed by somebody whom the vendor's root does not make its signer
  'collateral-mismatch', // TDX: ratings of another kind of platform
  'collateral-missing', // TDX: no collateral; never a reason to go on
  'collateral-not-yet-valid', // TDX: ratings from the future
  'collateral-rolled-back', // TDX: a round of ratings below the floor, or older than one already seen
  'collateral-signature-refused', // TDX: ratings that are not what the vendor signed, to the octet
  'config-id-refused', // TDX: an MRCONFIGID that nobody expects
  'cosignature-from-future', // a witness clock ahead of ours, or our clock behind
  'cosignature-too-old', // witnesses silent for longer than the caller accepts
  'cosignature-without-time', // timestamp 0: says nothing of when
  'crl-expired', // a revocation list past its end or age
  'crl-issuer-mismatch', // a revocation list of another root
  'crl-missing', // no revocation list; never a reason to go on
  'crl-not-yet-valid', // a revocation list from the future
  'crl-rolled-back', // a revocation list older than one already seen
  'crl-signature-refused', // a revocation list that its root did not sign
  'cxl-allowed', // SEV-SNP: guest memory may lie on CXL devices
  'date-outside-window', // Date missing or too far from ours
  'debug-allowed', // the host may read the guest
  'ecc-off', // SEV-SNP platform without ECC where it is demanded
  'endorsements-unavailable', // certificates, lists or collateral that belong beside a report could not be had
  'evidence-expired', // evidence, endorsement or verdict past its end
  'evidence-refused', // evidence that fails its own checks
  'evidence-unavailable', // no evidence to be had at the moment
  'exhausted', // a counter or quota that must not wrap is used up
  'expectation', // an inner Expect field
  'family-id-refused', // SEV-SNP: another FAMILY_ID than policy names
  'firmware-provisional', // SEV-SNP: firmware that can still be taken back
  'firmware-too-old', // SEV-SNP: firmware version below the floor
  'guest-policy-malformed', // SEV-SNP POLICY without the bit that is always one
  'guest-svn-too-low', // an image with a security version below the floor
  'host-data-refused', // HOST_DATA that nobody expects
  'id-key-refused', // SEV-SNP: another ID key than policy names
  'identity-refused', // an image with settings that belong to another
  'image-id-refused', // SEV-SNP: another IMAGE_ID than policy names
  'incomplete', // the message ended before its end
  'index-out-of-range', // log proofs: an index that the tree does not have
  'insecure-configuration', // a combination of settings that we do not run
  'issuer-revoked', // the vendor took back an issuer of this chain
  'key-expired', // a published key outside its time, or good for too long
  'leaf-extensions-refused', // a leaf without exactly the attributes of its product and kind
  'leaf-missing', // no certificate for the key that signed the report
  'leaf-revoked', // TDX: the vendor took back the key of this platform
  'malformed-note', // C2SP signed note
  'malformed-proof', // C2SP tlog-proof
  'measurement-denied', // an image on the deny list
  'measurement-expired', // an image whose time in the policy ended
  'measurement-refused', // attested, but not the code that policy names
  'method-not-allowed', // CONNECT, TRACE, or outside the route's list
  'migration-allowed', // the guest may be moved by a migration agent
  'mitigation-missing', // SEV-SNP: a mitigation that policy demands is not in force
  'new-root-mismatch', // consistency: the path does not lead to the newer root
  'no-attested-cvm', // no lease, therefore no opening
  'no-proof', // nothing was offered to show that it is in the log
  'off-grid', // a stream that is not cells of the one size, or does not end after a power of two of them
  'old-root-mismatch', // consistency: the path does not lead to the older root
  'owner-refused', // TDX: an MROWNER or MROWNERCONFIG that nobody expects
  'perfmon-allowed', // TDX: the TD may use performance counters
  'placement-mismatch', // bundle of another placement than the caller named
  'platform-unsupported', // a machine that cannot give the evidence that is asked of it
  'policy-expired', // policy outside its validity, or valid for too long
  'policy-refused', // policy does not allow it
  'policy-widens', // a policy that claims what only the trust root or the caller may give
  'product-mismatch', // root, leaf and processor are not of one product
  'product-refused', // a product that policy does not name
  'proof-too-long', // log proofs: hashes left over
  'proof-too-short', // log proofs: hashes missing
  'quorum-not-met', // too few witness operators
  'quoting-enclave-refused', // TDX: a quoting enclave that is not the one that the vendor names
  'quoting-enclave-unsigned', // TDX: the platform did not sign the report of its quoting enclave
  'rapl-allowed', // SEV-SNP policy that lets power be read where that is forbidden
  'rapl-enabled', // SEV-SNP platform that lets power be read where that is forbidden
  'report-algorithm-refused', // a report signed in another way than its kind has
  'report-version-refused', // a report of a version that policy does not name
  'reserved-not-zero', // reserved bytes or bits that are not zero
  'role-refused', // attested, but for another role
  'rolled-back', // a serial lower than one already seen
  'root-expired', // the newest trust root is past its end
  'root-mismatch', // inclusion: another leaf, or a damaged path
  'rtmr-refused', // TDX: RTMRs that policy does not name
  'seam-refused', // TDX: a module that is not the vendor's own, or not listed
  'seen-before', // replay
  'sept-ve-disable-missing', // TDX: the host may take pages away unseen
  'signing-key-refused', // SEV-SNP: signed with no key, or with none that we know
  'simulated-not-allowed', // simulated evidence without the caller's explicit leave
  'single-socket-missing', // SEV-SNP policy that lets a guest span sockets where that is forbidden
  'size-conflict', // a witness that last saw a tree of another size than the log believes
  'sizes-out-of-order', // consistency from a larger tree to a smaller one
  'smt-allowed', // SEV-SNP: the guest bears SMT and the platform has it on
  'smt-enabled', // SEV-SNP platform with SMT on
  'split-view', // two roots for one size, both signed: keep both as evidence
  'stalled', // neither sent nor read for too long
  'statement-from-future', // a serial statement ahead of our clock
  'statement-too-old', // a serial statement of more than a day
  'store-full', // replay store at its cap
  'target-not-allowed', // outside the allow-list
  'target-unreachable', // the CVM or its app did not answer
  'tcb-mismatch', // the report says another firmware level than the certificate
  'tcb-status-refused', // TDX: the vendor rates the platform as policy does not bear
  'tcb-too-low', // firmware level below the floor
  'tcb-unsupported', // TDX: below every level that the vendor rates
  'td-attributes-refused', // TDX: an attribute that policy does not let be set
  'tdx-module-refused', // TDX: a module that is not the one that the vendor names
  'token-missing', // anonymous admission: nothing that could be a token
  'token-refused', // anonymous admission: malformed, of another key or challenge, or not genuine; never says which
  'token-spent', // anonymous admission: a genuine token for the second time
  'token-unavailable', // anonymous admission: no key in force, or no way to remember what was spent
  'too-few-machines', // fewer CVMs or chips than policy demands
  'too-many', // fields, informational responses, chunks
  'trailing-data', // bytes after the end
  'truncated', // bytes missing
  'tsme-off', // SEV-SNP platform without TSME where it is demanded
  'unknown-key', // key id that is not ours
  'unknown-log-key', // a checkpoint without a signature of its log's key
  'unmeasured-configuration', // settings that this machine was not started with
  'unsafe-environment', // a process started with something that reaches into it: a variable, a flag, core dumps
  'unsigned', // signature threshold not met
  'unsupported-signature', // a signature type that this runtime cannot verify
  'unsupported-suite', // outside our table, or not offered for that key
  'unusable-key', // a public key or point that its KEM refuses
  'vendor-root-unknown', // a chain that ends in a root that nobody pinned
  'vlek-refused', // SEV-SNP: signed with a provider key, which names no chip
  'vmpl-refused', // SEV-SNP: asked for by code at another privilege level
  'witness-repeated', // enough cosignatures, but not of enough operators
  'wrong-origin', // a checkpoint of another log
  'wrong-token-type', // a token of a type that is not redeemed here
  'xfam-refused', // TDX: processor features that policy does not let be used
] as const

export type RefusalCode = (typeof refusalCodes)[number]

/**
 * Thrown for anything that bad input causes. Programmer mistakes are `TypeError` instead and fail at start.
 * The message is for our own eyes: it never leaves the process that made it.
 */
export class Refusal extends Error {
  readonly code: RefusalCode
  /** what was allowed, where a limit of ours was passed: a setting, so it may be told */
  readonly limit: number | undefined

  constructor(code: RefusalCode, message: string, options: ErrorOptions & { limit?: number } = {}) {
    super(message, options)
    this.name = 'Refusal'
    this.code = code
    this.limit = options.limit
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

/** What `work` is refused with, or undefined when it is done. Anything else that it throws is thrown on. */
export async function refusalOf(work: () => Promise<unknown>): Promise<Refusal | undefined> {
  try {
    await work()
    return undefined
  } catch (cause) {
    if (cause instanceof Refusal) return cause
    throw cause
  }
}
