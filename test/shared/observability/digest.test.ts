/** Digests of files that anybody may compute again, from public files alone. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { filesDigest } from '../../../shared/observability/digest.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const [cert, pins, key] = [Buffer.from('cert'), Buffer.from('pins'), Buffer.from('a secret')]

test('a line for each file, by name; a private key does not count, nor what is not there', () => {
  const lines = `cert ${sha256('cert')}\npins of a ${sha256('pins')}\n`
  expect(filesDigest({ 'pins of a': pins, cert, key, clientCa: undefined })).toBe(`sha256:${sha256(lines)}`)
  expect(filesDigest({ cert, key: Buffer.from('another') })).toBe(filesDigest({ cert, key }))
  expect(filesDigest({ cert: pins })).not.toBe(filesDigest({ cert }))
})
