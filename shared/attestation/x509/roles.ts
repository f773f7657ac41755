/** What a certificate may be used for: authority at one place of a chain, or the end of it. RFC 5280 §4.2.1.3, §4.2.1.9. */
import type { Bytes } from '../../bytes.ts'
import { Refusal } from '../../refusal.ts'
import { readDer, tags, type DerReader, type Extension } from '../der.ts'
import type { Certificate } from './certificate.ts'

export const extensionIds = { basicConstraints: '2.5.29.19', keyUsage: '2.5.29.15' } as const
/** As `namedBits` has them. */
export const keyUsages = { digitalSignature: 0x80, keyCertSign: 0x04, crlSign: 0x02 } as const

const known: readonly string[] = Object.values(extensionIds)

/** Throws unless this is a CA that may sign certificates, with how many other CAs below it. */
export function checkAuthority({ extensions }: Certificate, pathLength: number | undefined): void {
  checkExtensions(extensions)
  const constraints = readDer(valueOf(extensions, extensionIds.basicConstraints), readConstraints)
  if (!constraints.ca || constraints.pathLength !== pathLength) throw wrongRole('not a CA of this place in the chain')
  const usage = readDer(valueOf(extensions, extensionIds.keyUsage), (from) => from.namedBits())
  if ((usage & keyUsages.keyCertSign) === 0) throw wrongRole('may not sign certificates')
}

/** Throws unless this says of itself that it is no CA, and that its key signs things other than certificates. */
export function checkSigner({ extensions }: Certificate): void {
  checkExtensions(extensions)
  const constraints = readDer(valueOf(extensions, extensionIds.basicConstraints), readConstraints)
  if (constraints.ca || constraints.pathLength !== undefined) throw wrongRole('a CA where the chain ends')
  const usage = readDer(valueOf(extensions, extensionIds.keyUsage), (from) => from.namedBits())
  if ((usage & keyUsages.digitalSignature) === 0) throw wrongRole('may not sign')
  if ((usage & (keyUsages.keyCertSign | keyUsages.crlSign)) !== 0) throw wrongRole('an end that may issue')
}

/** Each at most once, and none that must not be ignored but is not known here. */
function checkExtensions(extensions: readonly Extension[]): void {
  const ids = extensions.map(({ id }) => id)
  if (new Set(ids).size !== ids.length) throw wrongRole('an extension twice')
  const strange = extensions.find(({ id, critical }) => critical && !known.includes(id))
  if (strange !== undefined) throw wrongRole('an unknown critical extension')
}

function readConstraints(whole: DerReader) {
  const from = whole.enter(tags.sequence)
  const ca = from.next(tags.boolean) && from.boolean()
  const pathLength = from.done ? undefined : from.small(255)
  from.end()
  return { ca, pathLength }
}

function valueOf(extensions: readonly Extension[], wanted: string): Bytes {
  const found = extensions.find(({ id }) => id === wanted)
  if (found?.critical !== true) throw wrongRole(`${wanted} is missing or not critical`)
  return found.value
}

export function wrongRole(what: string): Refusal {
  return new Refusal('certificate-role-refused', what)
}
