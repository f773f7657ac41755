/** Door ops of the transparency log: merkle.*, note.verify, tlog-proof.verify. */
import { hex, type Bytes } from '../../shared/bytes.ts'
import { Refusal } from '../../shared/refusal.ts'
import { parseKey, type VerifierKey } from '../../shared/tlog/key.ts'
import { leafHash, rootOf, verifyConsistency, verifyInclusion } from '../../shared/tlog/merkle.ts'
import { checkClock, judgeAge, verifyCheckpoint, verifySignatures } from '../../shared/tlog/policy.ts'
import type { Clock, LogTrust, SignedCheckpoint } from '../../shared/tlog/policy.ts'
import { verifyProof } from '../../shared/tlog/proof.ts'
import type { Case, Op } from './case.ts'

export const logOps: Readonly<Record<string, Op>> = {
  'merkle.root': (input) => hex(rootOf(input.hexes('leaves').map(leafHash))),
  'merkle.inclusion': inclusion,
  'merkle.consistency': consistency,
  'note.verify': note,
  'tlog-proof.verify': proof,
}

const skew = 120_000 // attestation.md d.1, clockSkew
const anchorAge = { fresh: 26 * 3_600_000, stale: 72 * 3_600_000 } // trust.md 6

function inclusion(input: Case): true {
  verifyInclusion({
    index: input.integer('leaf_index'),
    size: input.integer('tree_size'),
    leaf: leafOf(input),
    proof: input.hexes('proof'),
    root: input.hex('root'),
  })
  return true
}

function consistency(input: Case): true {
  verifyConsistency({
    oldSize: input.integer('size1'),
    newSize: input.integer('size2'),
    oldRoot: input.hex('root1'),
    newRoot: input.hex('root2'),
    proof: input.hexes('proof'),
  })
  return true
}

/** Without a quorum only signatures are checked; with a quorum and `now`, its age too, as that of an anchor. */
async function note(input: Case): Promise<object> {
  const { origin, size, root, cosignatures } = await (input.has('quorum') ? cosigned(input) : signed(input))
  const times = cosignatures.map(({ time }) => time / 1000)
  return { origin, size: String(size), root: hex(root), cosignature_times: times }
}

async function signed(input: Case): Promise<SignedCheckpoint> {
  const checkpoint = await verifySignatures(input.text('note'), trusted(input))
  for (const { time } of checkpoint.cosignatures) checkClock(time, clockOf(input))
  return checkpoint
}

async function cosigned(input: Case): Promise<SignedCheckpoint> {
  const checkpoint = await verifyCheckpoint(input.text('note'), quorate(input), clockOf(input))
  if (input.has('now')) judgeAge(checkpoint.oldest, clockOf(input).now, anchorAge)
  return checkpoint
}

async function proof(input: Case): Promise<object> {
  const { index, size, root } = await verifyProof(
    input.text('tlog_proof'),
    leafOf(input),
    quorate(input),
    clockOf(input),
  )
  return { index, size, root: hex(root) }
}

function leafOf(input: Case): Bytes {
  return input.has('leaf_hash') ? input.hex('leaf_hash') : leafHash(input.hex('leaf_data'))
}

/** Note keys are the log's, the others are witnesses', one operator a name. A log's origin is its key's name unless given. */
function trusted(input: Case): Omit<LogTrust, 'quorum'> {
  const keys = input.texts('verifiers').map(parseKey)
  const origin = (key: VerifierKey) => (input.has('origin') ? input.text('origin') : key.name)
  const logs = keys.filter(({ kind }) => kind === 'note').map((key) => ({ origin: origin(key), key }))
  const witnesses = keys.filter(({ kind }) => kind !== 'note').map((key) => ({ operator: key.name, key }))
  return { logs, witnesses }
}

function quorate(input: Case): LogTrust {
  const quorum = input.integer('quorum')
  if (quorum < 1) throw new Refusal('bad-encoding', 'quorum must be at least 1')
  return { ...trusted(input), quorum }
}

/** Without `now` nothing is from the future. */
function clockOf(input: Case): Clock {
  return { now: input.has('now') ? input.time('now') : Infinity, skew }
}
