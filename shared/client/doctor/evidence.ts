/** Whether the bundle that clients are shown would be used by them: the same judgement as asunder verify. trust.md 2-6. */
import { maxBundle } from '../../attestation/bundle.ts'
import { fromUtf8 } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { examineBundle } from '../verify/bundle.ts'
import { checked, fails, ok, unseen, type Check, type Finding } from './findings.ts'
import { fetched } from './mirror.ts'
import type { Judging, Scene } from './scene.ts'

const row = {
  name: 'evidence.bundle',
  rule: 'a client with this trust root and placement accepts the bundle',
  remedy: 'asunder verify tells every check of it; the gateway publishes, the relay only shows it',
} as const

export async function evidenceChecks(scene: Scene): Promise<Check[]> {
  const { judging } = scene.options
  const none = unseen('give --trust and --placement, as the application ships them')
  return [await checked(row, () => (judging === undefined ? none : judged(scene, judging)))]
}

async function judged(scene: Scene, judging: Judging): Promise<Finding> {
  const { status, body } = await fetched(scene)
  if (status !== 200) return fails(`no bundle, status ${status}`)
  if (body.length > maxBundle) return fails(`${body.length} octets, longer than any bundle`)
  try {
    const { allowSimulated, role, ...rest } = judging
    const note = fromUtf8(body)
    const found = await examineBundle({ ...rest, note, now: scene.options.now(), role, allowSimulated })
    const refused = found.checks.filter(({ result }) => result === 'refused')
    const words = new Set(refused.map(({ code, says }) => `${code ?? ''}: ${says ?? ''}`))
    if (!found.ok) return fails([...words].join('; '))
    return ok(`usable until ${new Date(found.usableUntil ?? 0).toISOString()}`)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    return fails(`${cause.code}: ${cause.message}`)
  }
}
