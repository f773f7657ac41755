/** Who gets how much of what there is little of. wire.md "Limits", conformance INC-2, INC-3. */
import { expect, test } from 'vitest'
import { uploadGate } from '../../relay/admit.ts'

type Entered = ReturnType<ReturnType<typeof uploadGate>['enter']>

function gate(most: number): (bucket: string) => Entered {
  const { enter } = uploadGate(most, ({ env }) => env as string)
  return (bucket) => enter({ env: bucket, req: { header: () => undefined } })
}

const said = (entered: Entered): unknown => (typeof entered === 'function' ? 'in' : entered.status)

test('INC-3: no bucket gets more than a quarter of the uploads, and all together no more than all of them', () => {
  const enter = gate(8)
  const outcomes = ['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'd', 'd', 'e'].map((bucket) => said(enter(bucket)))
  expect(outcomes).toEqual(['in', 'in', 429, 'in', 'in', 429, 'in', 'in', 'in', 'in', 429])
})

test('INC-3: what one leaves is there again, for its bucket and for everybody', () => {
  const enter = gate(2)
  const leave = enter('a')
  expect([said(enter('a')), said(enter('b')), said(enter('c'))]).toEqual([429, 'in', 429])
  if (typeof leave === 'function') leave()
  expect([said(enter('a')), said(enter('c'))]).toEqual(['in', 429])
})

test('INC-2: with no room at all everybody is refused for good', () => {
  expect(said(gate(0)('a'))).toBe(501)
})
