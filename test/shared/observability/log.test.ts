import { expect, test } from 'vitest'
import { configurationDigest } from '../../../shared/observability/digest.ts'
import { createLog } from '../../../shared/observability/log.ts'

type Events = { started: { port: number; tls: boolean }; stopped: { cut: 'none' } }

test('one JSON object a line, whose time is the minute: two events of one minute differ in their order alone', () => {
  const lines: string[] = []
  let now = Date.parse('2026-07-01T12:00:00.000Z')
  const log = createLog<Events>({ service: 'relay', write: (line) => lines.push(line), now: () => now })
  log('info', 'started', { port: 1, tls: true })
  now += 59_999
  log('warn', 'stopped', { cut: 'none' })
  expect(lines).toEqual([
    '{"time":"2026-07-01T12:00:00Z","level":"info","service":"relay","event":"started","port":1,"tls":true}\n',
    '{"time":"2026-07-01T12:00:00Z","level":"warn","service":"relay","event":"stopped","cut":"none"}\n',
  ])
})

test('the digest of a configuration is that of what is in force', () => {
  expect(configurationDigest({ a: 1 })).toBe(
    // printf '{"a":1}' | sha256sum
    'sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862',
  )
  expect(configurationDigest({ a: 2 })).not.toBe(configurationDigest({ a: 1 }))
})
