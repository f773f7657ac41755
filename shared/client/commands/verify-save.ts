/** The parts of a bundle as files of their own, unjudged: for whoever holds each of them against the log and the build. */
import { evidenceJson } from '../../attestation/evidence.ts'
import { readBundle, type Bundle } from '../../attestation/bundle.ts'
import { utf8, type Bytes } from '../../bytes.ts'
import { Failure, type World } from './command.ts'
import { reasonOf } from './connection.ts'

/** Into a folder that is there: names are ours and ids of keys, never words of the bundle. */
export async function saveParts(note: string, folder: string, world: World): Promise<void> {
  for (const [name, bytes] of partsOf(note, readBundle(note))) {
    await written(`${folder}/${name}`, bytes, world)
  }
}

async function written(path: string, bytes: Bytes, world: World): Promise<void> {
  try {
    await world.writeFile(path, ReadableStream.from([bytes]))
  } catch (cause) {
    throw new Failure(`--save: cannot write ${path}: ${reasonOf(cause)}; name a folder that is there`, { cause })
  }
}

function partsOf(note: string, bundle: Bundle): (readonly [name: string, bytes: Bytes])[] {
  const common = [
    ['bundle.note', utf8(note)],
    ['keys', bundle.keys],
  ] as const
  if (bundle.placement === 'front') return [...common]
  const { policy, policyProof, statement, cvms } = bundle
  const cvmParts = cvms.flatMap(({ id, evidence, anchor, proof }) => [
    [`${id}.evidence`, utf8(JSON.stringify(evidenceJson(evidence)))] as const,
    [`${id}.anchor`, utf8(anchor)] as const,
    [`${id}.proof`, utf8(proof)] as const,
  ])
  const notes = { 'policy.note': policy, 'policy.proof': policyProof, 'statement.note': statement }
  return [...common, ...Object.entries(notes).map(([name, text]) => [name, utf8(text)] as const), ...cvmParts]
}
