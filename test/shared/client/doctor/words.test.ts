/** What `asunder doctor` says last: a verdict must not look whole where half of it was not asked for. */
import { expect, test } from 'vitest'
import { told } from '../../../../shared/client/commands/doctor-words.ts'

const sound = { relay: 'https://relay.example/', at: 0, checks: [], ok: true }

test('without a gateway it says that separation was not looked at; with one it does not', () => {
  const alone = told(sound)
  expect(alone).toMatch(/separation was not looked at: .*--gateway.*\nnothing to mend\n$/)
  expect(told({ ...sound, gateway: 'https://gateway.example/' })).not.toContain('separation')
})
