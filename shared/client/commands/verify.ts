/** `asunder verify`: a deployment's bundle, or evidence by itself, check by check. trust.md 2-6, attestation.md a.6. */
import { maxBundle } from '../../attestation/bundle.ts'
import type { AllowSimulated } from '../../attestation/policy.ts'
import { readPolicyFields } from '../../attestation/policy-fields.ts'
import { reportDataLength } from '../../attestation/report-data.ts'
import { placements } from '../../attestation/root-fields.ts'
import { evidencePolicy } from '../../attestation/signed-policy.ts'
import { verifyRoot, type TrustRoot } from '../../attestation/trust-root.ts'
import { fromHex, type Bytes } from '../../bytes.ts'
import { fetchBundle } from '../bundle.ts'
import { abortable } from '../streams.ts'
import { undiciTransport } from '../transport-undici.ts'
import { relayAddress } from '../transport.ts'
import { examineBundle, type Examined } from '../verify/bundle.ts'
import { examineEvidence, type RawQuestion } from '../verify/raw.ts'
import { UsageError, type Command, type World } from './command.ts'
import { demanded, parsed, readText } from './connection.ts'
import { onlyFile, wordFrom } from './output.ts'
import { readDraft } from './policy-draft.ts'
import { simulatedBy, simulatedHelp, simulatedOption } from './simulated.ts'
import { saveParts } from './verify-save.ts'
import { subjectFrom, type Subject } from './verify-input.ts'
import { told } from './verify-words.ts'

const one = { type: 'string' } as const
const options = {
  trust: one,
  placement: one,
  role: one,
  save: one,
  policy: one,
  proof: one,
  endorsement: { type: 'string', multiple: true },
  collateral: one,
  'report-data': one,
  at: one,
  ca: one,
  'plaintext-loopback': { type: 'boolean' },
  ...simulatedOption,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const help = `Usage: asunder verify [options] URL-or-FILE

Says of every check what was compared, by whose word, and how it ended; and what was not verified at all. Exits with 0
only if every check held. It remembers nothing: what only shows over time or from several places is for asunder monitor.

  URL                     a relay's resource: its bundle is fetched as a client does it
  FILE                    a bundle; or a SEV-SNP report, a TDX quote, or evidence in JSON, as a CVM hands it over

For a bundle (also from ASUNDER_TRUST, ASUNDER_PLACEMENT):
  --trust FILE            the trust root, as the application ships it
  --placement WORD        ${placements.join(', ')}; never inferred
  --role NAME             the role that you mean, if not whichever the policy is for
  --save FOLDER           also write its parts there: policy.note, policy.proof, statement.note, keys, and for each key
                          of a CVM ID.evidence, ID.anchor and ID.proof
  --ca FILE               PEM of the certificate authority of the relay, instead of the system's
  --plaintext-loopback    allow http:// to this machine

For evidence:
  --policy FILE           what is wanted: a signed policy with --trust, or a draft without
  --report-data HEX       the 64 bytes that it must bind; "none" compares nothing, and says so
  --endorsement FILE      certificates and revocation list in DER or PEM, the chip's first (repeat; SEV-SNP)
  --collateral FILE       Intel's collateral in JSON (TDX)
  --proof FILE            the log's proof of the release (wants --trust)

  --at TIME               judge as of then, as 2026-11-22T12:00:00Z, instead of now
${simulatedHelp}
  --json                  one JSON object: ok, checks, notVerified, usableUntil (milliseconds since 1970)
  -h, --help              this text`

export const verify: Command = {
  summary: 'verify a bundle or evidence, and show every check',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const found = await abortable(examined(onlyFile(positionals, 'URL or FILE'), values, world), world.signal)
    await world.out(values.json === true ? `${JSON.stringify(found)}\n` : told(found))
    return found.ok ? 0 : 1
  },
}

type Values = {
  readonly [K in Exclude<keyof typeof options, 'endorsement' | 'plaintext-loopback' | 'json' | 'help'>]?: string
} & { readonly endorsement?: string[]; readonly 'plaintext-loopback'?: boolean }

async function examined(name: string, values: Values, world: World): Promise<Examined> {
  const now = momentOf(values.at, world)
  const url = /^https?:/.test(name) ? addressOf(name, values['plaintext-loopback'] ?? false) : undefined
  const allowSimulated = await simulatedBy(values['allow-simulated'], url === undefined ? [] : [url], world)
  if (url === undefined) {
    const subject = await subjectFrom(name, values, world)
    if (subject.what === 'evidence')
      return examineEvidence(await rawQuestion(subject, values, allowSimulated, now, world))
    return bundleOf(subject.note, values, allowSimulated, now, world)
  }
  const placed = await fetched(url, values, world)
  return bundleOf(placed, values, allowSimulated, now, world)
}

async function fetched(url: URL, { ca }: Values, world: World): Promise<string> {
  const transport = undiciTransport({
    relay: url,
    ...(ca === undefined ? {} : { ca: await readText('ca', ca, world) }),
  })
  try {
    return await fetchBundle({ transport, relay: url })
  } finally {
    await transport.close?.()
  }
}

async function bundleOf(
  note: string,
  values: Values,
  allowSimulated: AllowSimulated | undefined,
  now: number,
  world: World,
): Promise<Examined> {
  const { role } = values
  for (const option of ['policy', 'proof', 'report-data'] as const) {
    if (values[option] !== undefined) throw new UsageError(`--${option}: a bundle brings its own; only for evidence`)
  }
  if (note.length > maxBundle) throw new UsageError('FILE: longer than any bundle')
  const file = demanded('trust', values.trust ?? world.env('ASUNDER_TRUST'))
  const word = demanded('placement', values.placement ?? world.env('ASUNDER_PLACEMENT'))
  const placement = wordFrom('placement', word, placements)
  const root = await rootFrom(file, world)
  if (values.save !== undefined) await saveParts(note, values.save, world)
  return examineBundle({ note, root, placement, now, role, allowSimulated })
}

async function rawQuestion(
  { evidence }: Extract<Subject, { what: 'evidence' }>,
  values: Values,
  allowSimulated: AllowSimulated | undefined,
  now: number,
  world: World,
): Promise<RawQuestion> {
  const { trust, proof } = values
  if ([values.placement, values.role, values.save].some((value) => value !== undefined)) {
    throw new UsageError('--placement, --role, --save: only for a bundle')
  }
  if (values.policy === undefined) throw new UsageError('--policy is missing: evidence is good or bad by a policy only')
  const note = await readText('policy', values.policy, world)
  const policy =
    trust === undefined
      ? { rules: evidencePolicy(readPolicyFields(readDraft(note).value)) }
      : { note, root: await rootFrom(trust, world) }
  return {
    evidence,
    reportData: reportDataOf(values['report-data']),
    policy,
    proof: proof === undefined ? undefined : await readText('proof', proof, world),
    allowSimulated,
    now,
  }
}

async function rootFrom(file: string, world: World): Promise<TrustRoot> {
  return verifyRoot(await readText('trust', file, world))
}

function reportDataOf(value: string | undefined): Bytes | null {
  if (value === 'none') return null
  if (value !== undefined && new RegExp(`^[0-9a-f]{${2 * reportDataLength}}$`).test(value) && !/^0+$/.test(value)) {
    return fromHex(value)
  }
  throw new UsageError('--report-data: 128 digits of lower-case hex, not all 0; or "none", to compare nothing')
}

function momentOf(at: string | undefined, world: World): number {
  const time = at === undefined ? world.now() : Date.parse(at)
  if (Number.isFinite(time)) return time
  throw new UsageError('--at: a time as 2026-11-22T12:00:00Z')
}

function addressOf(url: string, plain: boolean): URL {
  try {
    return relayAddress(url, plain)
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw new UsageError(cause.message.replace('`plaintextLoopback: true`', '--plaintext-loopback'), { cause })
  }
}
