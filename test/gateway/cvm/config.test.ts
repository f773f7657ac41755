/** The agent's settings are strict: every key present, none unknown, none twice. */
import { expect, test } from 'vitest'
import { agentSettings, readAgentSettings, readPins, refuseVariables } from '../../../gateway/cvm/config.ts'
import { Refusal } from '../../../shared/refusal.ts'

const settings = {
  placement: 'front',
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

const keys = { kems: ['X25519', 'X-Wing'], lead: 0, life: 1_500_000, overlap: 1_800_000, claims: 1000 }
const requests = {
  ...{ targets: ['https://app.example'], methods: ['GET', 'POST'], dateWindow: 300_000, atOnce: 8, firstByte: 1000 },
  ...{ request: 1, answer: 2, stream: 3, chunks: 4, stall: 5, drain: 6 },
}
const sealed = { ...settings, placement: 'sealed', profile: 'direct', keys, requests }
const loopback = { host: '127.0.0.1', port: 0 }
const listener = { listen: loopback, tls: null, publicHosts: null, connections: 9, bundle: '/run/bundle' }
const inside = { ...sealed, placement: 'inside', public: listener }

const cells = { period: 100, held: 262_144 }
const paced = { ...inside, profile: 'paced', cells }

const { kems, claims, ...rotation } = keys
const read = { rotation, kems, claims }

test.each([
  ['simulated', settings],
  ['of SEV-SNP', snp],
  ['of TDX', tdx],
  ['with a level and a cache', { ...settings, evidence: { ...hardware, privlevel: 3, endorsements: cached } }],
])('settings %s come back as they were written', (_what, given) => {
  expect(readAgentSettings(JSON.stringify(given))).toEqual(given)
})

test.each([sealed, inside, { ...sealed, profile: 'paced', cells }, paced])(
  'so do those of $placement, $profile',
  (given) => {
    expect(readAgentSettings(JSON.stringify(given))).toEqual({ ...given, keys: read })
  },
)

test('every setting is named in the help, and the help names nothing else', () => {
  const named = (value: object): string[] =>
    Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? named(inner).map((one) => `${name}.${one}`)
        : [name],
    )
  const tls = { key: 'k', cert: 'c', clientCa: 'a', relayPins: null }
  const names = new Set([...named(settings), ...named(snp), ...named({ ...paced, public: { ...listener, tls } })])
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
  ['no placement', { ...settings, placement: undefined }, 'settings.placement'],
  ['a placement that is none', { ...settings, placement: 'fornt' }, 'settings.placement'],
  ['a traffic profile that the agent has not', { ...sealed, profile: 'horizon' }, 'settings.profile'],
  ['a traffic profile where nothing is opened', { ...settings, profile: 'direct' }, 'settings.profile'],
  ['cells in another profile', { ...sealed, cells }, 'settings.cells is for profile "paced"'],
  ['no cells where they are needed', { ...paced, cells: undefined }, 'settings.cells'],
  ['cells as fast as can be', { ...paced, cells: { ...cells, period: 9 } }, 'settings.cells.period'],
  ['cells of nothing', { ...paced, cells: { ...cells, held: 4095 } }, 'settings.cells.held'],
  ['keys where nothing is opened', { ...settings, keys }, 'settings.keys'],
  ['no keys where something is', { ...sealed, keys: undefined }, 'settings.keys'],
  [
    'a listener that knows no relay',
    { ...inside, public: { ...listener, tls: { key: 'k', cert: 'c', clientCa: null, relayPins: null } } },
    'settings.public.tls: relayPins, clientCa or both',
  ],
  ['a listener for the relay where links alone are', { ...sealed, public: listener }, 'settings.public'],
  ['inner keys of more than an hour', { ...sealed, keys: { ...keys, overlap: 1_800_001 } }, '55 minutes'],
  ['keys of more than a day', { ...inside, keys: { ...keys, overlap: 84_600_001 } }, '1435 minutes'],
  ['a KEM twice', { ...sealed, keys: { ...keys, kems: ['X25519', 'X25519'] } }, 'settings.keys.kems'],
  ['a KEM of others', { ...sealed, keys: { ...keys, kems: ['P-384'] } }, 'settings.keys.kems[0]'],
  ['a target that is none', { ...sealed, requests: { ...requests, targets: ['http://app'] } }, 'requests.targets[0]'],
  ['a method that is none', { ...sealed, requests: { ...requests, methods: ['CONNECT'] } }, 'requests.methods[0]'],
  [
    'plaintext beyond loopback',
    { ...inside, public: { ...listener, listen: { host: '0.0.0.0', port: 1 }, publicHosts: ['x'] } },
    'beyond loopback',
  ],
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

test('nor on the listener for the relay', () => {
  const tls = { key: 'k', cert: 'c', clientCa: 'a', relayPins: null }
  const open = { ...listener, tls, publicHosts: ['x'], listen: { host: '0.0.0.0', port: 1 } }
  const given = JSON.stringify({ ...inside, public: open })
  expect(() => readAgentSettings(given)).toThrow(/^settings\.public\.listen\.host: .* set 127\.0\.0\.1$/)
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
