/** Bundles of placement `sealed` as a publisher could write them, honest or not. */
import { readBundle } from '../../../../shared/attestation/bundle.ts'
import { keyBytes, fleet } from '../../../shared/attestation/fleet.ts'

/** Signs a bundle over so many entries and reads it again as anybody does; rejects when it cannot be read. */
export async function encodeBundle(count: number, sameKey = false): Promise<string> {
  const ships = await fleet({ at: Math.floor(Date.now() / 1000) * 1000, placement: 'sealed' })
  const entries = await Promise.all(
    Array.from({ length: count }, (_, at) => ships.entry(keyBytes(sameKey ? 'one' : `key ${at}`))),
  )
  const text = await ships.signed(await ships.bundle(entries))
  readBundle(text)
  return text
}

export async function readableBundle(count: number): Promise<void> {
  await encodeBundle(count)
}
