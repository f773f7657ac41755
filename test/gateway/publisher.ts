/** The folder of a publisher: everything that is given to it as files, and the settings that name them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createFileKeyStore } from '../../gateway/key-store.ts'
import { createLiveKeys } from '../../gateway/live-keys.ts'
import { publishAttested } from '../../gateway/publish-attested.ts'
import { gatewaySettings } from '../../gateway/config.ts'
import { x25519 } from '../../shared/hpke/suites.ts'
import type { Signer } from '../../shared/tlog/signer.ts'
import { generateSigningKey, readSigner } from '../../shared/tlog/signer.ts'
import { fleet, type Fleet, type FleetOptions, type PolicyChanges } from '../shared/attestation/fleet.ts'
import type { Machine } from './cvm/machine.ts'
import { worldOf } from './settled.ts'

export type Publisher = {
  readonly folder: string
  readonly file: string
  readonly ships: Fleet
  readonly lines: ReturnType<typeof worldOf>['lines']
  readonly settings: Record<string, unknown>
  write(name: string, text: string): void
  /** Policy, proof and statement anew. */
  renew(changes: PolicyChanges): Promise<void>
  publish(more?: object): Promise<number>
  bundle(): string
}

const hour = 3_600_000

/** Under a development root of its own, for these machines. */
export async function publisher(machines: readonly Machine[], options: Partial<FleetOptions> = {}): Promise<Publisher> {
  const { placement = 'sealed' } = options
  const folder = mkdtempSync(join(tmpdir(), 'publisher-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 })
  const { skey } = await generateSigningKey('publisher')
  const signer: Signer = await readSigner(skey)
  const ships = await fleet({
    at: Math.floor(Date.now() / 1000) * 1000,
    ...options,
    placement,
    root: { bundleKeys: [signer.key], ...options.root },
  })
  const renew = async (changes: PolicyChanges): Promise<void> => {
    const notes = await ships.notes(changes)
    write('policy.note', notes.policy)
    write('policy.proof', notes.policyProof)
    write('statement.note', notes.statement)
  }
  write('root.note', ships.rootNote)
  write('bundle.skey', skey)
  write('anchor.note', await ships.anchor())
  await renew({})
  if (placement === 'sealed') outerKeys(join(folder, 'keys.json'))
  const cvms = machines.map(({ port, role, clientTls, allowSimulated }, at) => {
    write(`cvm-${at}.key`, clientTls.key)
    write(`cvm-${at}.pem`, clientTls.cert)
    const identity = { key: `cvm-${at}.key`, cert: `cvm-${at}.pem` }
    return { host: '127.0.0.1', port, role, identity, allowSimulated }
  })
  const settings = {
    placement,
    trust: 'root.note',
    cvms,
    ...(placement === 'sealed' ? { keys: { file: 'keys.json' } } : {}),
    listen: { port: 0, plaintextLoopback: true },
    store: placement === 'sealed' ? { kind: 'sqlite', file: 'claims.db' } : {},
    bundle: { file: 'bundle.note', signer: 'bundle.skey' },
    publish: {
      policy: 'policy.note',
      policyProof: 'policy.proof',
      statement: 'statement.note',
      anchor: 'anchor.note',
    },
  }
  const world = worldOf(folder)
  return {
    folder,
    file: join(folder, 'bundle.note'),
    ships,
    lines: world.lines,
    settings,
    write,
    renew,
    publish: (more = {}) => publishAttested(gatewaySettings(JSON.stringify({ ...settings, ...more }), 'test'), world),
    bundle: () => readFileSync(join(folder, 'bundle.note'), 'utf8'),
  }
}

/** As the gateway leaves them. */
export function outerKeys(file: string): void {
  const rotation = { lead: 0, life: 12 * hour, overlap: 2 * hour }
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
  createLiveKeys({ kems: [x25519], rotation, store: createFileKeyStore(file), random, now: Date.now }).turn()
}
