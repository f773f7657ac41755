/**
 * Reports from Linux's configfs-tsm (6.7 and later): an entry of our own for each, our 64 bytes in one write, and the
 * kernel's count of writes as the proof that they and nobody else's were attested. attestation.md c; the kernel's
 * Documentation/ABI/testing/configfs-tsm-report.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Bytes, equal, fromUtf8, utf8 } from '../../shared/bytes.ts'
import { type Evidence, evidenceLimits } from '../../shared/attestation/evidence.ts'
import { reportData } from '../../shared/attestation/report-data.ts'
import { Refusal } from '../../shared/refusal.ts'
import { readCertificateTable } from './certificate-table.ts'
import { type HardwareKind, readOwnReport } from './own-report.ts'
import type { EvidenceProvider } from './provider.ts'
import { type TsmFiles, tsmFiles } from './tsm-files.ts'

export const tsmRoot = '/sys/kernel/config/tsm/report'

/** Milliseconds: the first wait, the longest, and all of them together. */
export type Patience = { readonly first: number; readonly cap: number; readonly within: number }

export type TsmOptions = {
  readonly kind: HardwareKind
  readonly root?: string
  /** SEV-SNP: the VMPL that the report is asked for; null leaves it to the kernel */
  readonly privlevel?: number | null
  readonly patience?: Patience
  readonly files?: TsmFiles
  /** milliseconds of any clock that only goes forward */
  readonly now?: () => number
  readonly random?: () => number
}

type Machine = Required<TsmOptions>
type Blobs = { readonly outblob: Bytes; readonly auxblob: Bytes }

/** What the kernel calls itself where this kind of report comes from. */
export const providers: Readonly<Record<HardwareKind, string>> = { 'sev-snp': 'sev_guest', tdx: 'tdx_guest' }

/**
 * Evidence of this machine, with the certificates that its host gave. Must run as root. Refuses `evidence-unavailable`
 * when the platform stays busy or fails, `platform-unsupported` where it is another than `kind`, `bad-evidence` when
 * what came is broken.
 */
export function tsmEvidence({
  kind,
  root = tsmRoot,
  privlevel = null,
  patience = { first: 20, cap: 1_000, within: 20_000 },
  files = tsmFiles,
  now = () => performance.now(),
  random = Math.random,
}: TsmOptions): EvidenceProvider {
  const machine = { kind, root, privlevel, patience, files, now, random }
  return {
    kind,
    async evidence(binding): Promise<Evidence> {
      const asked = reportData(binding)
      const { outblob, auxblob } = await patiently(machine, () => takeReport(machine, asked))
      if (!equal(readOwnReport({ kind, report: outblob }).reportData, asked)) {
        throw new Refusal('binding-mismatch', 'the platform attested other bytes than it was given')
      }
      const endorsements = kind === 'sev-snp' ? readCertificateTable(auxblob) : []
      return { kind, report: outblob, endorsements, collateral: null }
    },
  }
}

/** Somebody else was there, or the host throttles: to be tried again. */
class NotNow extends Error {}

async function patiently<T>({ patience, now, random }: Machine, work: () => Promise<T>): Promise<T> {
  const { first, cap, within } = patience
  const end = now() + within
  for (let full = first; ; full = Math.min(cap, 2 * full)) {
    try {
      return await work()
    } catch (cause) {
      if (!(cause instanceof NotNow)) throw cause
      // Jitter, so that two who met do not meet again.
      const wait = full * (0.5 + random() / 2)
      if (now() + wait > end)
        throw new Refusal('evidence-unavailable', `no report in time: ${cause.message}`, { cause })
      await sleep(wait)
    }
  }
}

async function takeReport(machine: Machine, asked: Bytes): Promise<Blobs> {
  const { files, root } = machine
  const entry = join(root, `asunder-${randomBytes(16).toString('hex')}`)
  return explained(async () => {
    await files.mkdir(entry)
    try {
      return await readEntry(machine, entry, asked)
    } finally {
      await files.rmdir(entry)
    }
  })
}

async function readEntry(machine: Machine, entry: string, asked: Bytes): Promise<Blobs> {
  const { files, kind } = machine
  const line = async (name: string) => fromUtf8(await files.read(join(entry, name), 4096)).trimEnd()
  const provider = await line('provider')
  if (provider !== providers[kind]) {
    throw new Refusal('platform-unsupported', `the settings say ${kind}, but this machine's reports are ${provider}'s`)
  }
  const levels = kind === 'sev-snp' ? await setLevel(machine, entry, await line('privlevel_floor')) : 0
  await writeWhole(files, join(entry, 'inblob'), asked)
  const outblob = await files.read(join(entry, 'outblob'), evidenceLimits.evidence)
  const auxblob = await optional(files.read(join(entry, 'auxblob'), evidenceLimits.evidence))
  // Last, so that everything above is known to belong to our writes.
  const generation = await line('generation')
  if (generation !== String(levels + 1)) throw new NotNow('another process wrote to the same entry')
  return { outblob, auxblob }
}

/** Providers without certificates have no such file. */
async function optional(reading: Promise<Bytes>): Promise<Bytes> {
  return reading.catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array()
    throw cause
  })
}

/** Gives the number of writes that it took. */
async function setLevel({ files, privlevel }: Machine, entry: string, floor: string): Promise<0 | 1> {
  if (!/^\d{1,2}$/.test(floor)) throw new Refusal('evidence-unavailable', 'privlevel_floor is not a number')
  if ((privlevel ?? 0) < Number(floor)) {
    throw new Refusal(
      'platform-unsupported',
      `evidence.privlevel is ${privlevel ?? 'null'}, below the floor of this machine: set it to ${floor} or above`,
    )
  }
  if (privlevel === null) return 0
  await writeWhole(files, join(entry, 'privlevel'), utf8(String(privlevel)))
  return 1
}

async function writeWhole(files: TsmFiles, path: string, bytes: Bytes): Promise<void> {
  const taken = await files.write(path, bytes)
  // A report over less than all would be one of another length, or of what was there before.
  if (taken !== bytes.length)
    throw new Refusal('evidence-unavailable', `${path}: ${taken} of ${bytes.length} bytes taken`)
}

/** EWOULDBLOCK is EAGAIN on Linux. ENXIO: the provider is going or coming, or the host failed. */
const passing = ['EAGAIN', 'EBUSY', 'ENXIO']

const remedies: Readonly<Record<string, string>> = {
  EFBIG: 'the report or its certificates are larger than this kernel takes: let the host hand over fewer certificates',
  EACCES: 'only root may ask for reports: run the reporter as root',
  EPERM: 'only root may ask for reports: run the reporter as root, and in a container with /sys/kernel/config mounted',
  ERR_ACCESS_DENIED: 'start node with --allow-fs-read and --allow-fs-write for the folder of evidence.tsm',
  ENOENT: 'not a folder of configfs-tsm: see evidence.tsm',
  EINVAL: 'the platform refused the request: see evidence.privlevel',
  ENOTTY: 'this guest may not ask its platform any more: start the machine anew',
}

/** Runs `work`; errors of the kernel come out as what may pass, or as a Refusal that says what to do. */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof Refusal || cause instanceof NotNow) throw cause
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException
    if (passing.includes(code)) throw new NotNow(code, { cause })
    throw new Refusal('evidence-unavailable', `configfs-tsm: ${code}; ${remedies[code] ?? 'see the kernel log'}`, {
      cause,
    })
  }
}
