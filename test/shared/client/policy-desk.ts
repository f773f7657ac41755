/** A desk of policy makers: keys of three releasers and of a timestamp, their root, a log, and a terminal. */
import { signRoot, verifyRoot, type RootFields, type TrustRoot } from '../../../shared/attestation/trust-root.ts'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { main } from '../../../shared/client/commands/main.ts'
import { generateSigner, readSigner } from '../../../shared/tlog/signer.ts'
import { ledger, type Ledger } from '../attestation/ledger.ts'
import { build, digest } from '../attestation/policies.ts'
import { newTerminal, type Terminal } from './terminal.ts'

export const now = Date.parse('2026-11-22T12:00:00Z')
export const day = 86_400_000

export type Change = readonly [from: string, to: string]
export type Ended = { readonly code: number; readonly out: string; readonly err: string }

export class Desk {
  readonly terminal: Terminal
  readonly log: Ledger
  /** moved by tests */
  now = now
  #root: TrustRoot | undefined

  constructor(log: Ledger) {
    this.log = log
    this.terminal = newTerminal({ now: () => this.now })
  }

  /** Two of ana, ben and cleo sign policies from serial 10 on; `stranger` is nobody. */
  static async open(): Promise<Desk> {
    const desk = new Desk(await ledger())
    for (const name of ['ana', 'ben', 'cleo', 'time', 'stranger']) await desk.run('trust', 'keygen', name)
    const keyOf = async (name: string) => (await readSigner(desk.file(`${name}.skey`).trim())).key
    const [owner, bundle] = [await generateSigner('owner'), await generateSigner('bundle')]
    const fields: RootFields = {
      ...{ version: 1, use: 'production', notAfter: now + 300 * day, rootKeys: [owner.key], rootThreshold: 1 },
      ...{ bundleKeys: [bundle.key], policyThreshold: 2, timestampKeys: [await keyOf('time')] },
      ...{ ...desk.log.trust, vendorRoots: [], minPolicySerial: 10, chips: 'allowlist', placements: ['inside'] },
      policyKeys: [await keyOf('ana'), await keyOf('ben'), await keyOf('cleo')],
    }
    const note = await signRoot(fields, [owner])
    desk.put('root.note', note)
    desk.#root = await verifyRoot(note)
    return desk
  }

  get root(): TrustRoot {
    if (this.#root === undefined) throw new TypeError('open the desk first')
    return this.#root
  }

  async run(...args: string[]): Promise<Ended> {
    Object.assign(this.terminal.shown, { out: '', err: '' })
    const code = await main(args, this.terminal)
    return { code, ...this.terminal.shown }
  }

  file(path: string): string {
    const bytes = this.terminal.files.get(path)
    if (bytes === undefined) throw new TypeError(`no file ${path}`)
    return fromUtf8(bytes)
  }

  put(path: string, text: string): void {
    this.terminal.files.set(path, utf8(text))
  }

  /** The draft that init writes, filled in as its comments say, and changed as a test wants. */
  async draft(path = 'draft.json', ...changes: readonly Change[]): Promise<void> {
    const { out } = await this.run('policy', 'init', '--role', 'app', '--serial', '42')
    const image = `{"digest": "${digest}", "notAfter": "2026-12-22T12:00:00Z", "build": "sha256:${build}"}`
    const filled: readonly Change[] = [
      ['"measurements": []', `"measurements": [${image}]`],
      ['"sha256": []', `"sha256": ["${'cc'.repeat(32)}"]`],
      ...changes,
    ]
    this.put(path, filled.reduce(replaced, out))
  }

  /** Signed by two, one after the other; `one.note` has the first signature alone. */
  async signed(path = 'policy.note', from = 'draft.json'): Promise<void> {
    await this.run('policy', 'sign', '--key', 'ana.skey', from, '-o', 'one.note')
    await this.run('policy', 'sign', '--key', 'ben.skey', 'one.note', '-o', path)
  }
}

function replaced(text: string, [from, to]: Change): string {
  if (!text.includes(from)) throw new TypeError(`the draft has no ${from}`)
  return text.replace(from, to)
}
