/** Whether anything of this service is given over plaintext. RFC 9458 §6: HTTPS between client and relay. */
import { essence, mediaTypes } from '../../http/media-types.ts'
import { field, type Answer } from './ask.ts'
import { checked, fails, ok, Unheard, unseen, type Check, type Finding } from './findings.ts'
import { below, type Scene } from './scene.ts'

const row = {
  name: 'plaintext.refused',
  rule: 'over http:// no request is taken and no bundle served',
  remedy: 'close the port, or let it only send browsers to https',
} as const

export async function plaintextChecks(scene: Scene): Promise<Check[]> {
  return [await checked(row, () => (scene.plain ? unseen('plaintext on this machine') : refused(scene)))]
}

async function refused(scene: Scene): Promise<Finding> {
  const url = new URL(scene.options.relay)
  url.protocol = 'http:'
  url.port = String(scene.options.plainPort ?? 80)
  const sealed = { 'content-type': mediaTypes.request, 'content-length': '1' }
  try {
    const post = await scene.elsewhere({ method: 'POST', url, fields: sealed, body: new Uint8Array(1) })
    const bundle = await scene.elsewhere({ method: 'GET', url: below(url, 'asunder-bundle') })
    const served = [post, bundle].filter(isOurs)
    if (served.length > 0) return fails(`${url.origin} answers ${served.map(named).join(', ')}`)
    return ok(`${url.origin} answers ${named(post)}, nothing of this service`)
  } catch (cause) {
    if (!(cause instanceof Unheard)) throw cause
    return ok(`nobody is there (${cause.code})`)
  }
}

const ours: readonly string[] = Object.values(mediaTypes)

/** Any answer in our own words, refusals too: somebody reads what was sent. A redirect reads nothing. */
function isOurs(answer: Answer): boolean {
  const redirects = answer.status >= 300 && answer.status < 400
  return !redirects && (answer.status === 200 || ours.includes(essence(field(answer, 'content-type'))))
}

function named(answer: Answer): string {
  return `${answer.status} ${field(answer, 'content-type') ?? ''}`.trim()
}
