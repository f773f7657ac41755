/**
 * Who vouches in one run of the pair: releasers of the policy, a development log that it is in, and three development
 * witnesses of that log. Their word is of this machine and worth nothing elsewhere. trust.md 1, 2 and 7.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { signStatement } from '../../../shared/attestation/serial-statement.ts'
import { policySha256, signPolicy } from '../../../shared/attestation/signed-policy.ts'
import type { RootFields } from '../../../shared/attestation/trust-root.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { createDevelopmentLog } from '../../../shared/development-log/log.ts'
import { createDevelopmentWitness } from '../../../shared/development-log/witness.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { leafHash } from '../../../shared/tlog/merkle.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { policyLeaf } from '../../../shared/tlog/release.ts'
import { generateSigner, type Signer } from '../../../shared/tlog/signer.ts'

/** What a publisher puts beside the keys, each a file of its own. */
export type Word = Readonly<Record<'policy.note' | 'policy.proof' | 'statement.note' | 'anchor.note', string>>

export type Releasers = {
  readonly signers: { readonly policy: readonly Signer[]; readonly timestamp: Signer }
  readonly trust: Pick<RootFields, 'logs' | 'witnesses' | 'quorum'>
  /** Policy, proof, statement and anchor as of this moment. */
  speak(now: number): Promise<Word>
  close(): void
}

const hour = 3_600_000
const policyLife = 6 * 24 * hour
const operators = ['one', 'two', 'three'] as const
const quorum = 2

export type ReleasersOptions = {
  readonly folder: string
  readonly role: string
  /** milliseconds since 1970 */
  readonly now: number
}

export async function makeReleasers({ folder, role, now }: ReleasersOptions): Promise<Releasers> {
  const within = (name: string): string => {
    const path = join(folder, name)
    mkdirSync(path, { mode: 0o700 })
    return path
  }
  const log = await createDevelopmentLog({ folder: within('log'), name: 'local' })
  const witnesses = await Promise.all(
    operators.map((name) => createDevelopmentWitness({ folder: within(name), name, now: Date.now })),
  )
  for (const witness of witnesses) witness.accept(log)
  const releaser = await generateSigner('asunder-local-policy')
  const timestamp = await generateSigner('asunder-local-timestamp')
  const policy = await signPolicy(policyFrom(role, now), [releaser])
  const leaf = policyLeaf(fromHex(policySha256(parseNote(policy).text)))
  log.add(leaf)
  return {
    signers: { policy: [releaser], timestamp },
    trust: {
      logs: [{ origin: log.origin, key: log.key }],
      witnesses: witnesses.map(({ operator, key }) => ({ operator, key })),
      quorum,
    },
    async speak(moment) {
      const anchor = await log.checkpoint(witnesses)
      const statement = await signStatement({ role, serial: 1, time: wholeSecond(moment) }, timestamp)
      return {
        'policy.note': policy,
        'policy.proof': log.prove(leafHash(leaf)),
        'statement.note': statement,
        'anchor.note': anchor,
      }
    },
    close() {
      for (const one of [log, ...witnesses]) one.close()
    },
  }
}

/** Nothing of hardware: what stands in for it is the client's own leave to take simulated evidence. */
function policyFrom(role: string, now: number): unknown {
  const begins = wholeSecond(now)
  const times = { notBefore: timeText(begins), notAfter: timeText(begins + policyLife) }
  return { version: 1, serial: 1, ...times, role }
}

function wholeSecond(time: number): number {
  return Math.floor(time / 1000) * 1000
}
