/** How the relay speaks TLS, and for how long its certificate is good. RFC 9458 §6, RFC 8996, RFC 6125. */
import { checked, fails, ok, Unheard, unless, unseen, type Check, type Finding, type Row } from './findings.ts'
import { handshake, type Handshake } from './handshake.ts'
import type { Scene } from './scene.ts'

const rows = {
  versions: {
    name: 'tls.versions',
    rule: 'TLS 1.2 and 1.3 are spoken, and nothing older',
    remedy: 'where TLS ends (the relay itself, or the proxy before it) allow TLSv1.2 and TLSv1.3 only',
  },
  certificate: {
    name: 'tls.certificate',
    rule: 'the certificate is valid for this host for two weeks or longer',
    remedy:
      'renew the certificate, with the whole chain and this host among its names, and have the relay read it (SIGHUP); ' +
      'if nobody answers there, start the relay',
  },
} as const satisfies Record<string, Row>

const day = 86_400_000
const leastDays = 14

export async function tlsChecks(scene: Scene): Promise<Check[]> {
  const plain = unseen('plaintext on this machine')
  return [
    await checked(rows.versions, () => (scene.plain ? plain : versions(scene))),
    await checked(rows.certificate, () => (scene.plain ? plain : certificate(scene))),
  ]
}

async function versions(scene: Scene): Promise<Finding> {
  const newest = await handshake(scene.options.relay, scene, {})
  if (newest.protocol !== 'TLSv1.2' && newest.protocol !== 'TLSv1.3') return fails(`${newest.protocol} is spoken`)
  const [old, middle] = [await tried(scene, 'TLSv1', 'TLSv1.1'), await tried(scene, 'TLSv1.2', 'TLSv1.2')]
  if (old === 'cannot ask') return unseen(`${newest.protocol}; this machine cannot ask for anything older than 1.2`)
  const complaints = [
    ...(old === 'refused' ? [] : [`${old} is spoken`]),
    ...(newest.protocol === 'TLSv1.3' ? [] : ['TLS 1.3 is not spoken']),
  ]
  return unless(complaints, `TLSv1.3${middle === 'TLSv1.2' ? ' and TLSv1.2' : ''}; older ones are refused`)
}

type Version = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2'

async function tried(scene: Scene, minVersion: Version, maxVersion: Version): Promise<string> {
  try {
    // What is too weak for these versions today would make our own side refuse.
    const weak = minVersion === 'TLSv1' ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}
    return (await handshake(scene.options.relay, scene, { minVersion, maxVersion, ...weak })).protocol
  } catch (cause) {
    if (!(cause instanceof Unheard)) throw cause
    if (cause.code === 'TIMEOUT') throw cause
    return cause.code === 'ERR_SSL_NO_PROTOCOLS_AVAILABLE' ? 'cannot ask' : 'refused'
  }
}

async function certificate(scene: Scene): Promise<Finding> {
  const { relay, ca } = scene.options
  const { why, certificate: own } = await handshake(relay, scene, ca === undefined ? {} : { ca })
  const left = Math.floor((Date.parse(own.valid_to) - scene.options.now()) / day)
  const names = `for ${own.subjectaltname ?? 'no name'}, by ${oneLine(own.issuer)}`
  if (why !== undefined) return fails(`${why} (${names})`)
  return left < leastDays ? fails(`${left} days left`) : ok(`${left} days left, ${names}`)
}

function oneLine(name: Handshake['certificate']['issuer']): string {
  return Object.entries(name)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ')
}
