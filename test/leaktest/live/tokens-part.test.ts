/** Tokens and their issuers: what each party holds of them, and that the cells would show it if it were another. */
import { beforeAll, expect, test } from 'vitest'
import type { Column } from '../contract.ts'
import { auditOf, partiesIn } from './audit.ts'
import type { Capture } from './capture.ts'
import { tokensCapture } from './tokens-part.ts'

let capture: Capture
beforeAll(async () => {
  capture = await tokensCapture(21)
}, 60_000)

const present: ReadonlySet<Column> = new Set([...partiesIn('front'), 'I'])

function verdict(of: Capture, field: string, party: Column): string | undefined {
  const { matrix } = auditOf(of, present, [])
  return matrix.find((cell) => cell.field === field && cell.party === party)?.verdict
}

function shown(party: Column, field: string): Capture {
  const value = capture.canaries.find((canary) => canary.field === field)?.value ?? ''
  const octets = Buffer.from(`before ${Buffer.from(value).toString('base64')} after`)
  return { ...capture, holdings: [...capture.holdings, { party, source: 'log', name: 'planted', octets }] }
}

test('everybody is let in with a token of each issuer', () => {
  expect(new Set(capture.calls.map(({ status }) => status))).toEqual(new Set([200]))
  expect(capture.canaries.filter(({ field }) => field === 'F24')).toHaveLength(4)
  expect(capture.canaries.filter(({ field, value }) => field === 'F23' && value.length === 40)).toHaveLength(8)
})

test.each([
  ['F24', 'I', 'seen'],
  ['F01', 'I', 'seen'],
  ['F23', 'G', 'seen'],
  ['F23', 'I', 'clear'],
  ['F23', 'R', 'clear'],
  ['F24', 'R', 'clear'],
  ['F24', 'G', 'clear'],
  ['F18', 'I', 'clear'],
  ['F16', 'I', 'clear'],
] as const)('%s at %s is %s', (field, party, expected) => {
  expect(verdict(capture, field, party)).toBe(expected)
})

test.each([
  ['the issuer with a token that was spent', 'I', 'F23'],
  ['the relay with a token for the gateway', 'R', 'F23'],
  ['the gateway with an account', 'G', 'F24'],
  ['the issuer with what was asked', 'I', 'F18'],
  ['a gateway that keeps tokens in its log', 'G', 'F23'],
] as const)('%s is found', (_, party, field) => {
  expect(verdict(shown(party, field), field, party)).toBe('violation')
})

test('an issuer that nobody asked is blind, and so is a gateway without tokens', () => {
  const holdings = capture.holdings.filter(({ party }) => party !== 'I' && party !== 'G')
  expect(verdict({ ...capture, holdings }, 'F24', 'I')).toBe('blind')
  expect(verdict({ ...capture, holdings }, 'F23', 'G')).toBe('blind')
})
