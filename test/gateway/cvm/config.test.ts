/** The agent's settings are strict: every key present, none unknown, none twice. */
import { expect, test } from 'vitest'
import { agentSettings, readAgentSettings, readPins, refuseVariables } from '../../../gateway/cvm/config.ts'
import { Refusal } from '../../../shared/refusal.ts'

const settings = {
  listen: { host: '127.0.0.1', port: 0 },
  role: 'app',
  app: '/run/app.sock',
  gatewayPins: '/run/pins',
  evidence: { kind: 'simulated', platform: '/run/platform.json', life: 60_000 },
  limits: { connections: 10, reportsAtOnce: 2, attestWithin: 1000 },
  drain: 5000,
}

const hardware = {
  kind: 'sev-snp',
  reporter: '/run/asunder/agent/reporter.sock',
  tsm: '/sys/kernel/config/tsm/report',
  privlevel: null,
  reports: { links: 600, keys: 30 },
  endorsements: { from: '/etc/asunder/endorsements', ca: null, refresh: 3_600_000 },
}
const snp = { ...settings, evidence: hardware }
const tdx = { ...settings, evidence: { ...hardware, kind: 'tdx' } }
const cached = { from: 'https://cache.example/kds', ca: '/etc/ca.pem', refresh: 1000 }

test.each([
  ['simulated', settings],
  ['of SEV-SNP', snp],
  ['of TDX', tdx],
  ['with a level and a cache', { ...settings, evidence: { ...hardware, privlevel: 3, endorsements: cached } }],
])('settings %s come back as they were written', (_what, given) => {
  expect(readAgentSettings(JSON.stringify(given))).toEqual(given)
})

test('every setting is named in the help, and the help names nothing else', () => {
  const named = (value: object): string[] =>
    Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
      typeof inner === 'object' && inner !== null ? named(inner).map((one) => `${name}.${one}`) : [name],
    )
  const names = new Set([...named(settings), ...named(snp)])
  expect(agentSettings.map(([name]) => name).sort()).toEqual([...names].sort())
})

function withEndorsements(changes: object): Record<string, unknown> {
  return { ...snp, evidence: { ...hardware, endorsements: { ...hardware.endorsements, ...changes } } }
}

const mistakes: [string, Record<string, unknown>, string][] = [
  ['an unknown key', { ...settings, verbose: true }, 'settings.verbose'],
  ['a missing key', { ...settings, drain: undefined }, 'settings.drain'],
  ['an empty role', { ...settings, role: '' }, 'settings.role'],
  ['a port that is none', { ...settings, listen: { host: '127.0.0.1', port: 65_536 } }, 'settings.listen.port'],
  ['no connections', { ...settings, limits: { ...settings.limits, connections: 0 } }, 'settings.limits.connections'],
  ['hardware with a key of simulated', { ...snp, evidence: { ...hardware, life: 1000 } }, 'settings.evidence.life'],
  ['a level that no VMPL has', { ...snp, evidence: { ...hardware, privlevel: 4 } }, 'settings.evidence.privlevel'],
  ['a level for TDX', { ...tdx, evidence: { ...tdx.evidence, privlevel: 0 } }, 'settings.evidence.privlevel'],
  ['no reports for keys', { ...snp, evidence: { ...hardware, reports: { links: 1, keys: 0 } } }, 'reports.keys'],
  ['a cache without TLS', withEndorsements({ from: 'http://cache.example' }), 'endorsements.from'],
  ['a path that depends on where we are', withEndorsements({ from: 'endorsements' }), 'endorsements.from'],
  ['an address that is none', withEndorsements({ from: 'https://' }), 'endorsements.from'],
  ['a refresh at every moment', withEndorsements({ refresh: 1 }), 'endorsements.refresh'],
  ['evidence of nothing', { ...settings, evidence: null }, 'settings.evidence'],
  ['evidence of no kind', { ...settings, evidence: { ...settings.evidence, kind: 'none' } }, 'settings.evidence.kind'],
]
test.each(mistakes)('%s is refused by its name', (_what, given, name) => {
  expect(() => readAgentSettings(JSON.stringify(given))).toThrow(name)
})

test('every mistake is told at once, a line each', () => {
  const given = {
    ...settings,
    drain: undefined,
    role: '',
    verbose: true,
    limits: { ...settings.limits, connections: 0, moer: 1 },
  }
  const lines = linesOf(() => readAgentSettings(JSON.stringify(given)))
  expect(lines.map((line) => line.split(' ')[0])).toEqual([
    'settings.verbose',
    'settings.role',
    'settings.limits.moer',
    'settings.limits.connections',
    'settings.drain',
  ])
})

test('simulated evidence beyond loopback is refused by the name of the listener', () => {
  const given = { ...settings, listen: { host: '0.0.0.0', port: 1 } }
  expect(() => readAgentSettings(JSON.stringify(given))).toThrow(/^settings\.listen\.host: .* set 127\.0\.0\.1$/)
})

test('a variable that looks like a setting is refused by its name, since no digest covers it', () => {
  expect(() => refuseVariables({ ASUNDER_CVM_ROLE: 'x', ASUNDER_GATEWAY_DRAIN: '1', HOME: '/' })).toThrow(
    /measured file alone: unset ASUNDER_CVM_ROLE$/,
  )
  expect(() => refuseVariables({ ASUNDER_GATEWAY_DRAIN: '1' })).not.toThrow()
})

function linesOf(work: () => unknown): string[] {
  try {
    work()
    return []
  } catch (error) {
    return error instanceof Refusal ? error.message.split('\n') : ['no refusal']
  }
}

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
