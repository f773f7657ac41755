/** When what lies in the files of a link ends: certificates, authorities, pins. trust.md 1. */
import { X509Certificate } from 'node:crypto'
import { readPins } from './pins.ts'

const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Each certificate of a PEM file, milliseconds since 1970; what is none ended long ago. */
export function certificateEnds(pem: Buffer | undefined): readonly number[] {
  if (pem === undefined) return []
  return (pem.toString('latin1').match(certificate) ?? []).map(endOf)
}

function endOf(pem: string): number {
  try {
    return new X509Certificate(pem).validToDate.getTime()
  } catch {
    return 0
  }
}

/** The last pin of a file of pins: as long as one is good, the other side gets in. */
export function pinsEnd(text: Buffer | undefined, now: number): readonly number[] {
  if (text === undefined) return []
  try {
    return [Math.max(...readPins(text.toString('utf8'), now).map(({ notAfter }) => notAfter))]
  } catch {
    return [0]
  }
}
