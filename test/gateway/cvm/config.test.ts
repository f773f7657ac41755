/** The agent's settings are strict: every key present, none unknown, none twice. */
import { expect, test } from 'vitest'
import { agentSettings, readAgentSettings, readPins } from '../../../gateway/cvm/config.ts'

const settings = {
  listen: { host: '127.0.0.1', port: 0 },
  role: 'app',
  app: '/run/app.sock',
  gatewayPins: '/run/pins',
  evidence: { kind: 'simulated', platform: '/run/platform.json', life: 60_000 },
  limits: { connections: 10, reportsAtOnce: 2, attestWithin: 1000 },
  drain: 5000,
}

test('settings come back as they were written', () => {
  expect(readAgentSettings(JSON.stringify(settings))).toEqual(settings)
})

test('every setting is named in the help, and the help names nothing else', () => {
  const names = Object.entries(settings).flatMap(([name, value]) =>
    typeof value === 'object' ? Object.keys(value).map((inner) => `${name}.${inner}`) : [name],
  )
  expect(agentSettings.map(([name]) => name)).toEqual(names)
})

const mistakes: [string, Record<string, unknown>, string][] = [
  ['an unknown key', { ...settings, verbose: true }, 'settings.verbose'],
  ['a missing key', { ...settings, drain: undefined }, 'settings.drain'],
  ['an empty role', { ...settings, role: '' }, 'settings.role'],
  ['a port that is none', { ...settings, listen: { host: '127.0.0.1', port: 65_536 } }, 'settings.listen.port'],
  ['no connections', { ...settings, limits: { ...settings.limits, connections: 0 } }, 'settings.limits.connections'],
  ['evidence of no kind', { ...settings, evidence: { ...settings.evidence, kind: 'none' } }, 'settings.evidence.kind'],
]
test.each(mistakes)('%s is refused by its name', (_what, given, name) => {
  expect(() => readAgentSettings(JSON.stringify(given))).toThrow(name)
})

test('a key twice is refused', () => {
  expect(() => readAgentSettings(JSON.stringify(settings).replace('{', '{"role":"other",'))).toThrow('twice')
})

const pin = '0a'.repeat(32)
test('pins: one a line, with room for people', () => {
  expect(readPins(`# now\n${pin}\n\n# next\n${'0b'.repeat(32)}\n`)).toEqual([pin, '0b'.repeat(32)])
})

test.each([
  ['none', '# nothing\n'],
  ['upper case', pin.toUpperCase()],
  ['too short', pin.slice(2)],
  ['two on a line', `${pin} ${pin}`],
])('pins: %s is refused', (_what, text) => {
  expect(() => readPins(text)).toThrow('gatewayPins')
})
