/** Who has signed a root, and who has still to. trust.md 1. */
import type { RootFields } from '../../attestation/root-fields.ts'
import { readRootFields } from '../../attestation/root-fields.ts'
import { parseNote } from '../../tlog/note.ts'
import { readText } from '../../tlog/signed-text.ts'
import type { World } from './command.ts'
import { signedBy } from './signing.ts'

/** Not verified: whatever it says of itself. */
export function readRootNote(note: string): RootFields {
  return readRootFields(readText('root', parseNote(note).text))
}

/** One line for each list of signers, its own and that of the root before it, while there are too few. */
export async function sayWhatIsMissing(note: string, roots: readonly RootFields[], world: World): Promise<void> {
  for (const { version, rootKeys, rootThreshold } of roots) {
    const signers = await signedBy(note, rootKeys)
    if (signers.length >= rootThreshold) continue
    const absent = rootKeys.filter((key) => !signers.includes(key)).map(({ name }) => name)
    world.say(
      `${signers.length} of ${rootThreshold} signatures that version ${version} wants; ` +
        `next: asunder trust sign, by ${absent.join(', ')}`,
    )
  }
}
