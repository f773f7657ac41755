/** One file, then variables, then flags; and everything that is wrong with them at once. */
import { describe, expect, test } from 'vitest'
import { fromArguments, fromEnvironment } from '../../../shared/config/given.ts'
import { digestOf, exitCodeOf } from '../../../shared/config/read.ts'
import { flagOf, variableOf } from '../../../shared/config/names.ts'
import { listed } from '../../../shared/config/rows.ts'
import { defaultOf } from '../../../shared/config/value.ts'
import { Refusal } from '../../../shared/refusal.ts'
import { gatewayDefinition } from '../../../gateway/config.ts'
import { relayDefinition } from '../../../relay/config.ts'
import { least, mistakes, read, rows } from './table.ts'

const variables = (environment: Record<string, string>) => fromEnvironment('thing', rows, environment)
const flags = (...args: string[]) => fromArguments(rows, args)

describe('what is read', () => {
  test('YAML or JSON, with defaults, frozen to the ground', () => {
    const { settings } = read(least)
    expect(settings).toEqual({
      listen: { host: '127.0.0.1', port: 1 },
      ways: [{ to: 'a', colour: 'red' }],
      limits: { bodySize: 1_048_576, wait: 5_000, most: 3 },
      open: false,
    })
    expect(read('{"listen": {"port": 1}, "ways": [{"to": "a"}]}').settings).toEqual(settings)
    expect([settings, settings.listen, settings.ways[0]].map(Object.isFrozen)).toEqual([true, true, true])
  })

  test('JSON may be indented by tabs', () => {
    const text = JSON.stringify({ listen: { port: 1 }, ways: [{ to: 'a' }] }, null, '\t')
    expect(read(text).settings.listen.port).toBe(1)
  })

  test.each([
    ['500ms', 500],
    ['5min', 300_000],
    ['24h', 86_400_000],
    ['1', 1],
  ])('wait: %s is %i milliseconds', (text, milliseconds) => {
    expect(read(`${least}limits: { wait: ${text} }`).settings.limits.wait).toBe(milliseconds)
  })

  test.each([
    ['64KiB', 65_536],
    ['1GiB', 1_073_741_824],
    ['10', 10],
  ])('bodySize: %s is %i octets', (text, octets) => {
    expect(read(`${least}limits: { bodySize: ${text} }`).settings.limits.bodySize).toBe(octets)
  })
})

describe('who wins', () => {
  const text = `${least}limits: { most: 4 }`
  const environment = variables({ ASUNDER_THING_LIMITS_MOST: '5', ASUNDER_OTHER_LIMITS_MOST: 'x', HOME: '/' })

  test('the file over the default, a variable over the file, a flag over the variable', () => {
    const most = (...layers: (typeof environment)[]) => {
      const given = layers.flatMap((layer) => layer.given)
      const found = read(text, { given }).origins.find(({ path }) => path === 'limits.most')
      return [found?.value, found?.from]
    }
    expect(most()).toEqual([4, 'thing.yaml:3:17'])
    expect(most(environment)).toEqual([5, 'ASUNDER_THING_LIMITS_MOST'])
    expect(most(environment, flags('--limits.most', '6'))).toEqual([6, '--limits.most'])
    expect(read(least).origins.find(({ path }) => path === 'limits.most')).toMatchObject({ from: 'default' })
  })

  test('a variable reaches into lists and groups that the file does not have', () => {
    const { given, mistakes } = variables({
      ASUNDER_THING_WAYS_1_TO: 'b',
      ASUNDER_THING_HOSTS: 'x.example, y.example:8443',
      ASUNDER_THING_LISTEN_TLS_KEY: 'k',
      ASUNDER_THING_LISTEN_TLS_CERT: 'c',
      ASUNDER_THING_OPEN: 'true',
      ASUNDER_THING_LIMITS_BODY_SIZE: '2KiB',
    })
    expect(mistakes).toEqual([])
    expect(read(least, { given }).settings).toMatchObject({
      ways: [{ to: 'a' }, { to: 'b' }],
      hosts: ['x.example', 'y.example:8443'],
      listen: { tls: { key: 'k', cert: 'c' } },
      open: true,
      limits: { bodySize: 2048 },
    })
  })

  test('a mistake in the file is told even where a flag makes it count for nothing', () => {
    const { given } = flags('--limits.most=2')
    expect(mistakes(`${least}limits: { most: 99 }`, { given })).toEqual([expect.stringContaining('limits.most: 99')])
  })

  test('no file at all will do', () => {
    const { given } = flags('--listen.port', '1', '--ways.0.to', 'a')
    expect(read('', { given }).settings).toEqual(read(least).settings)
  })

  test('the digest is of what is meant, not of how it is written', () => {
    const digest = (text: string, more = {}) => digestOf(read(text, more).origins)
    expect(digest(`${least}limits: { wait: 5000 }`)).toBe(digest(least))
    expect(digest(least, { given: flags('--listen.port', '1').given })).toBe(digest(least))
    expect(digest(`${least}limits: { wait: 5001 }`)).not.toBe(digest(least))
    expect(digest(least)).toMatch(/^sha256:[0-9a-f]{64}$/)
  })
})

describe('every mistake has its place, its setting, a reason and a remedy', () => {
  test.each([
    ['a misspelt key', `${least}limts: {}`, 'thing.yaml:3:1: limts: no setting has this name. Did you mean limits?'],
    [
      'a misspelt key inside',
      'listen: { prot: 1, port: 1 }\nways: [{ to: a }]',
      ':1:11: listen.prot: .* listen.port\\?',
    ],
    [
      'a key at the wrong place',
      `${least}port: 2`,
      'thing.yaml:3:1: port: .* There is listen.port; known here: listen, hosts',
    ],
    [
      'quotes too many',
      'listen: { port: "443" }\nways: [{ to: a }]',
      ':1:17: listen.port: "443" is not .* without quotes',
    ],
    ['quotes missing', 'listen: { port: 1 }\nways: [{ to: 1 }]', ':2:14: ways.0.to: 1 is not .* into quotes'],
    [
      'out of range',
      'listen: { port: 65536 }\nways: [{ to: a }]',
      'listen.port: 65536 is not .* from 0 to 65535.*example 8443',
    ],
    [
      'a word that is none',
      'listen: { port: 1 }\nways: [{ to: a, colour: gren }]',
      'ways.0.colour: "gren" .* Did you mean green\\?',
    ],
    [
      'a URL where a host belongs',
      'listen: { port: 1, host: "http://a" }\nways: [{ to: a }]',
      'listen.host: .* without scheme',
    ],
    ['yes', `${least}open: yes`, 'open: "yes" is not true or false'],
    ['a size without a unit of ours', `${least}limits: { bodySize: 1MB }`, 'limits.bodySize: "1MB" is not a size'],
    ['too large a size', `${least}limits: { bodySize: 2GiB }`, 'of at most 1GiB'],
    ['a minute that is a month', `${least}limits: { wait: 5m }`, 'limits.wait: "5m" .* 5min'],
    ['nothing behind a key', `${least}open:`, 'thing.yaml:3:6: open: nothing is not true or false'],
    ['nothing in a group', `${least}limits:`, 'thing.yaml:3:8: limits: has nothing in it'],
    ['a word in place of a group', `${least}limits: none`, 'thing.yaml:3:9: limits: "none" is not a group'],
    ['a group in place of a word', `${least}open: { a: 1 }`, 'open: a group is not true or false'],
    [
      'one wrong thing in a list',
      `${least}hosts: [a, "https://b"]`,
      'thing.yaml:3:12: hosts.1: "https://b" is not a host name',
    ],
    ['a thing twice in a list', `${least}hosts: [a, a]`, 'thing.yaml:3:8: hosts: .* twice'],
    ['a list of nothing', `${least}hosts: []`, 'thing.yaml:3:8: hosts: an empty list'],
    ['no list', 'listen: { port: 1 }\nways: { to: a }', 'ways: is not a list. .*dash'],
    [
      'a setting that is needed',
      'listen: { host: a }\nways: [{ to: a }]',
      'thing.yaml:1:1: listen.port: is missing. .*8443',
    ],
    ['a list that is needed', 'listen: { port: 1 }', 'ways: is missing: .* Give ways.0.to'],
    [
      'half of a group',
      'listen: { port: 1, tls: { key: k } }\nways: [{ to: a }]',
      ':1:20: listen.tls.cert: is missing',
    ],
    [
      'a combination',
      `${least}open: true\nlimits: { most: 6 }`,
      'thing.yaml:4:17: limits.most: is too much .* Lower it to 5.',
    ],
  ])('%s', (_, text, pattern) => {
    expect(mistakes(text)).toEqual([expect.stringMatching(pattern)])
  })

  test('all of them at once, in the order of the lines', () => {
    const text = 'open: 1\nlisten: { prot: 1 }\nlimits:\n  most: 99\n  wait: 1'
    expect(mistakes(text).map((line) => line.split(': ', 2).join(' '))).toEqual([
      'thing.yaml ways',
      'thing.yaml:1:7 open',
      'thing.yaml:2:1 listen.port',
      'thing.yaml:2:11 listen.prot',
      'thing.yaml:4:9 limits.most',
    ])
  })

  test('a combination is looked at beside mistakes that have nothing to do with it, and only there', () => {
    const text = 'listen: { port: x }\nways: [{ to: a }]\nopen: true\nlimits: { most: 6, wait: x }'
    expect(mistakes(text).filter((line) => line.includes('too much'))).toHaveLength(1)
    expect(mistakes(`${least}open: true\nlimits: { most: x }`)).toEqual([expect.stringContaining('"x" is not')])
  })
})

describe('what is no YAML, or too clever', () => {
  test.each([
    [
      'a key twice',
      `${least}open: true\nopen: false`,
      'thing.yaml:4:1: open stands here a second time; the first is thing.yaml:3:1. Keep',
    ],
    [
      'a key twice, deep in a list',
      `listen: { port: 1 }\nways: [{ to: a }, { to: b, to: c }]`,
      'thing.yaml:2:28: to .*; the first is thing.yaml:2:21',
    ],
    ['a tab', 'listen:\n\tport: 1', 'thing.yaml:2:1: a tab is no indentation in YAML. Indent with spaces.'],
    ['an open bracket', 'listen: [', 'thing.yaml:1:\\d+: .* bracket'],
    ['two keys on a line', 'listen: port: 1', 'two keys on one line'],
    ['two documents', `${least}---\na: 1`, 'a second document begins here'],
    ['an alias', `${least}hosts: &h [a]\nlog: *h`, 'thing.yaml:4:6: an alias'],
    ['an alias to nothing', `${least}hosts: *h`, 'thing.yaml:3:8: an alias'],
    ['a tag', `${least}log: !!binary YQ==`, 'thing.yaml:3:15: a tag'],
    ['another version of YAML', `%YAML 1.1\n---\n${least}open: yes`, 'thing.yaml:1:1: settings are YAML 1.2'],
  ])('%s is refused', (_, text, pattern) => {
    expect(mistakes(text)).toContainEqual(expect.stringMatching(pattern))
  })

  test('a key twice does not hide the other mistakes', () => {
    expect(mistakes(`${least}open: true\nopen: false\nlimts: {}`)).toHaveLength(2)
  })
})

describe('names of variables and flags', () => {
  test.each([
    ['ASUNDER_THING_LISTEN_PROT', 'Did you mean ASUNDER_THING_LISTEN_PORT\\?'],
    ['ASUNDER_THING_WAYS_TO', 'Did you mean ASUNDER_THING_WAYS_0_TO\\?'],
    ['ASUNDER_THING_COFFEE', 'no setting has this name. Unset it'],
    ['ASUNDER_THING_PORT_443_TCP_ADDR', 'enableServiceLinks: false'],
    ['ASUNDER_THING_SERVICE_HOST', 'enableServiceLinks: false'],
  ])('%s is unknown', (name, pattern) => {
    const { given, mistakes: told } = variables({ [name]: '1' })
    expect(given).toEqual([])
    expect(mistakes(least, { mistakes: told })).toEqual([expect.stringMatching(`^${name}: .*${pattern}`)])
  })

  test('an empty variable is no value', () => {
    expect(variables({ ASUNDER_THING_OPEN: '' }).mistakes).toMatchObject([{ path: 'open', wrong: 'this is empty' }])
  })

  test.each([
    [['--listen.prot', '3'], ['--listen.prot: no setting has this name. Did you mean --listen.port?']],
    [['--cofnig', 'x'], ['--cofnig: no setting has this name. Did you mean --config?']],
    [['--listen.port'], ['--listen.port: listen.port: no value follows. Write --listen.port VALUE.']],
    [['--open', '--listen.port', '3'], ['--open: open: no value follows. Write --open VALUE.']],
    [['--config'], ['--config: no value follows. Write --config FILE.']],
    [['--open=true', '--open=false'], ['--open: this is given twice. Keep one.']],
    [['--ways.01.to', 'x'], ['--ways.01.to: no setting has this name. Did you mean --ways[].to?'.replace('[]', '.N')]],
    [['-x'], ['-x: no setting has this name. See --help.']],
  ])('%j', (args, lines) => {
    expect(mistakes(least, { mistakes: flags(...args).mistakes })).toEqual(lines)
  })

  test('what is wrong with a value is told with the name of the variable or flag', () => {
    const given = [...variables({ ASUNDER_THING_OPEN: 'yes' }).given, ...flags('--limits.most', '12').given]
    expect(mistakes(least, { given })).toEqual([
      expect.stringContaining('--limits.most: limits.most: 12 is not'),
      expect.stringContaining('ASUNDER_THING_OPEN: open: "yes" is not'),
    ])
  })

  test('words and flags are told apart', () => {
    const args = flags('config', '--listen.port', '7', 'explain', '-h', '--config', 'f', 'open')
    expect(args).toMatchObject({ words: ['config', 'explain', 'open'], config: 'f', switches: new Set(['help']) })
    expect(args.given).toEqual([{ path: 'listen.port', text: '7', where: '--listen.port' }])
  })

  test.each([relayDefinition, gatewayDefinition])(
    'no two settings of the $service share a name',
    ({ service, rows }) => {
      const paths = listed(rows).map(({ path }) => path)
      expect(paths.length).toBeGreaterThan(30)
      expect(new Set(paths.map((path) => variableOf(service, path))).size).toBe(paths.length)
      expect(paths.map(flagOf).filter((flag) => /^--(config|help|version)$/.test(flag))).toEqual([])
    },
  )
})

describe('secrets are given as files, never by value', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\\nMC4CAQAw\\n-----END PRIVATE KEY-----\\n'

  test.each([
    [
      'a key in place of a file',
      `listen: { port: 1, tls: { cert: c, key: "${pem}" } }\nways: [{ to: a }]`,
      'listen.tls.key',
    ],
    ['a key in any other place', `${least}hosts: ["${pem}"]`, 'hosts.0'],
    ['a setting that would hold one', `${least}limits: { adminPassword: hunter2 }`, 'limits.adminPassword'],
    ['one more', `${least}apiToken: hunter2`, 'apiToken'],
    ['a key under a name like ours', `${least}opne: "${pem}"`, 'opne'],
    ['the first line of one', `${least}log: -----BEGIN EC-----`, 'log'],
    ['a signer of notes', `${least}state: PRIVATE+KEY+me+c0ffee+MC4CAQAw`, 'state'],
    ['a password in a URL', `${least}log: "https://me:hunter2@a.example"`, 'log'],
  ])('%s', (_, text, path) => {
    const [line = '', ...more] = mistakes(text)
    expect(more).toEqual([])
    expect(line).toContain(`: ${path}: a secret is never given by value`)
    expect(line).toContain('listen.tls.key')
    expect(line).not.toMatch(/MC4CAQAw|hunter2/)
  })

  test('nor as a variable, nor as a flag', () => {
    const given = [
      ...variables({ ASUNDER_THING_LISTEN_TLS_KEY: pem.replaceAll('\\n', '\n') }).given,
      ...flags('--listen.tls.cert', 'c').given,
    ]
    const unknown = [
      ...variables({ ASUNDER_THING_TLS_PASSPHRASE: 'hunter2' }).mistakes,
      ...flags('--tls-passphrase=hunter2').mistakes,
    ]
    const lines = mistakes(least, { given, mistakes: unknown })
    expect(lines.map((line) => line.split(': ')[0])).toEqual([
      '--tls-passphrase',
      'ASUNDER_THING_LISTEN_TLS_KEY',
      'ASUNDER_THING_TLS_PASSPHRASE',
    ])
    expect(lines.every((line) => line.includes('a secret is never given by value'))).toBe(true)
    expect(lines.join()).not.toMatch(/MC4CAQAw|hunter2/)
  })

  test.each(['credential:', 'credential:../x', 'credential:a/b', 'credential:..'])('%s names no credential', (name) => {
    const text = `listen: { port: 1, tls: { cert: c, key: '${name}' } }\nways: [{ to: a }]`
    expect(mistakes(text)).toEqual([expect.stringContaining('is not the path of a file, or credential:NAME')])
  })

  test('what we write is no credential', () => {
    expect(mistakes(`${least}state: credential:x`)).toEqual([expect.stringContaining('that can be written')])
  })
})

test('a default that is none of its kind is a mistake of ours', () => {
  expect(defaultOf(rows.open)).toEqual({ value: false, shown: 'false' })
  expect(() => defaultOf({ ...rows.open, default: 'maybe' })).toThrow(TypeError)
})

test.each([
  [new Refusal('bad-encoding', 'x'), 2],
  [Object.assign(new Error('x'), { syscall: 'open' }), 2],
  [Object.assign(new Error('x'), { code: 'EADDRINUSE' }), 1],
  ['no error', 1],
] as const)('%s exits with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code)
})
