/**
 * What belongs beside a report and does not come from the platform: fetched once before the first answer and again on
 * a schedule, never while somebody waits. A refresh that fails leaves what there was; its own dates end it.
 * attestation.md a.3, c; trust.md 2.
 */
import type { Bytes } from '../../../shared/bytes.ts'
import { fromUtf8 } from '../../../shared/bytes.ts'
import { type Evidence, evidenceLimits } from '../../../shared/attestation/evidence.ts'
import { readPem } from '../../../shared/attestation/pem.ts'
import { readReport } from '../../../shared/attestation/sev-snp/report.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { isUrl } from '../evidence-settings.ts'
import type { EvidenceProvider } from '../provider.ts'
import { complete, find, type Pieces, readPieces, type Signer, signerOf } from './complete.ts'
import { kdsPlaces } from './kds.ts'
import { fetched, filesAt } from './place.ts'

export type StockOptions = {
  /** Path of a file or folder, or the https address of a cache. */
  readonly from: string
  /** PEM of the address's authority, where it is not a public one */
  readonly ca?: string | undefined
  /** milliseconds between two looks */
  readonly refresh: number
  /** milliseconds for one answer of the address */
  readonly within?: number
  readonly tell?: (state: 'fresh' | 'not-refreshed') => void
}

/** A provider whose evidence is whole. `close` ends the refreshing. */
export type EndorsedProvider = EvidenceProvider & { close(): void }

/** Gives back the evidence with all that a judge wants beside it. */
type Completion = (evidence: Evidence) => Evidence

/**
 * Fetches for `own`, a report of this machine, and completes what `provider` gives from then on. Refuses
 * `endorsements-unavailable`, or says which piece is missing, before anything is served.
 */
export async function endorsed(
  provider: EvidenceProvider,
  own: Evidence,
  options: StockOptions,
): Promise<EndorsedProvider> {
  let last = own
  let completed = await load(last, options)
  completed(own)
  const refresh = async (): Promise<void> => {
    try {
      completed = await load(last, options)
      options.tell?.('fresh')
    } catch {
      options.tell?.('not-refreshed')
    }
  }
  const timer = setInterval(() => void refresh(), options.refresh).unref()
  return {
    kind: provider.kind,
    async evidence(binding) {
      last = await provider.evidence(binding)
      return completed(last)
    },
    close: () => clearInterval(timer),
  }
}

function load(own: Evidence, options: StockOptions): Promise<Completion> {
  return own.kind === 'tdx' ? loadCollateral(options) : loadCertificates(own, options)
}

async function loadCollateral({ from, ca, within = 10_000 }: StockOptions): Promise<Completion> {
  const limit = evidenceLimits.collateral
  const [collateral, more] = isUrl(from)
    ? [await fetched(new URL(from), { limit, within, ca })]
    : await filesAt(from, limit)
  if (collateral === undefined || more !== undefined) {
    throw new Refusal('endorsements-unavailable', `${from}: TDX collateral is one file`)
  }
  return (evidence) => ({ ...evidence, collateral })
}

async function loadCertificates(own: Evidence, options: StockOptions): Promise<Completion> {
  const signer = signerOf(readReport(own.report))
  const given = readPieces(own.endorsements)
  const { from } = options
  const kept = isUrl(from) ? await fetchMissing(signer, given, options) : await filesAt(from, evidenceLimits.evidence)
  const stock = piecesOf(kept, from)
  return (evidence) => {
    const asked = signerOf(readReport(evidence.report))
    // The host's own first: it knows its chip.
    const found = find(asked, both(readPieces(evidence.endorsements), stock))
    return { ...evidence, endorsements: complete(asked, found) }
  }
}

/** What the host did not give, and the revocation list in any case: it is what ages. */
async function fetchMissing(signer: Signer, given: Pieces, options: StockOptions): Promise<readonly Bytes[]> {
  const { from, ca, within = 10_000 } = options
  const found = find(signer, given)
  const places = kdsPlaces(signer)
  const wanted = [
    found.leaf === undefined ? places.leaf : undefined,
    found.issuer === undefined || found.root === undefined ? places.issuers : undefined,
    places.list,
  ]
  const base = from.endsWith('/') ? from : `${from}/`
  const limit = evidenceLimits.evidence
  return Promise.all(
    wanted.flatMap((one) => (one === undefined ? [] : [fetched(new URL(one, base), { limit, within, ca })])),
  )
}

/** PEM or DER, as each file is. */
function piecesOf(files: readonly Bytes[], from: string): Pieces {
  try {
    return readPieces(files.flatMap((file) => (file[0] === 0x30 ? [file] : readPem(fromUtf8(file)))))
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new Refusal('endorsements-unavailable', `${from}: neither certificates nor revocation lists`, { cause })
  }
}

function both(a: Pieces, b: Pieces): Pieces {
  return { certificates: [...a.certificates, ...b.certificates], lists: [...a.lists, ...b.lists] }
}
