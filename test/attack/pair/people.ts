/** Who is behind the pairs of one run: keys and certificates that are worth nothing outside it, made once. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeys, type SigningKey } from '../../../deploy/local/issuer/keys.ts'
import { makeMaterials, type Folders, type Materials } from '../../../deploy/local/pair/materials.ts'
import { readSigner, type Signer } from '../../../shared/tlog/signer.ts'

export type People = Materials & {
  /** the trust root's note */
  readonly root: string
  /** signs bundles for that root */
  readonly bundleSigner: Signer
  readonly file: (party: keyof Folders, name: string) => string
  /** keys of an issuer of tokens, by its name */
  readonly signing: (issuer: string) => Promise<readonly SigningKey[]>
  readonly remove: () => void
}

export async function gather(): Promise<People> {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-people-'))
  const materials = await makeMaterials(folder, Date.now())
  const { folders } = materials
  const signing = new Map<string, Promise<readonly SigningKey[]>>()
  return {
    ...materials,
    root: readFileSync(materials.trust, 'utf8'),
    bundleSigner: await readSigner(readFileSync(join(folders.gateway, 'bundle.skey'), 'utf8').trim()),
    file: (party, name) => join(folders[party], name),
    signing(issuer) {
      const made = signing.get(issuer) ?? generateKeys()
      signing.set(issuer, made)
      return made
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
