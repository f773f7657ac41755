/** What a process may be started with, in each place. Messages name what is wrong and the remedy, never a value. */
import { describe, expect, test } from 'vitest'
import { checkLaunch, launchOf } from '../../../shared/launch/launch.ts'
import type { Launch, Place } from '../../../shared/launch/place.ts'
import { Refusal } from '../../../shared/refusal.ts'

const noDumps = 'Limit Soft Hard Units\nMax core file size        0                    unlimited            bytes\n'
const proc: Readonly<Record<string, string>> = {
  '/proc/self/limits': noDumps,
  '/proc/sys/kernel/core_pattern': 'core\n',
  '/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n',
}
const fixed = ['--permission', '--disable-sigusr1']
type Changes = Partial<Omit<Launch, 'proc'>> & { readonly proc?: Readonly<Record<string, string | undefined>> }

function launch({ env = {}, execArgv = fixed, proc: changed = {} }: Changes = {}): Launch {
  return { env, execArgv, proc: (path) => ({ ...proc, ...changed })[path] }
}

/** The names that are found fault with, or none. */
function faults(given: Changes, place: Place, recorded = false): string[] {
  try {
    checkLaunch(launch(given), place, { recorded })
    return []
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'unsafe-environment') throw error
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(' ')[0] ?? '')
  }
}

const everywhere: Place[] = ['loopback', 'public', 'cvm']

test.each(everywhere)('%s: a plain start is no fault', (place) => {
  expect(faults({ env: { PATH: '/usr/bin:/bin', HOME: '/', LANG: 'C.UTF-8', NODE_ENV: 'production' } }, place)).toEqual(
    [],
  )
})

describe('variables', () => {
  const always = ['NODE_OPTIONS', 'LD_PRELOAD', 'LD_AUDIT', 'DYLD_INSERT_LIBRARIES', 'SSLKEYLOGFILE', 'NODE_DEBUG']
  test.each(always.flatMap((name) => everywhere.map((place) => [name, place] as const)))('%s, %s', (name, place) => {
    expect(faults({ env: { [name]: '' } }, place)).toEqual([name])
  })

  const beyondLoopback = [
    ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'OPENSSL_CONF', 'OPENSSL_MODULES'],
    ...['NODE_COMPILE_CACHE', 'NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_USE_ENV_PROXY', 'NODE_V8_COVERAGE', 'NODE_PATH'],
    ...['GLIBC_TUNABLES', 'GCONV_PATH', 'MALLOC_ARENA_MAX', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'],
    ...['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'all_proxy', 'NO_PROXY', 'RES_OPTIONS', 'HOSTALIASES'],
  ]
  test.each(beyondLoopback)('%s, as soon as others can reach us', (name) => {
    expect(faults({ env: { [name]: 'x' } }, 'loopback')).toEqual([])
    expect(faults({ env: { [name]: 'x' } }, 'public')).toEqual([name])
    expect(faults({ env: { [name]: 'x' } }, 'cvm')).toEqual([name])
  })

  test('inside a CVM a name must be known, and its value plain', () => {
    for (const name of ['FOO', 'TERM', 'npm_config_cache', 'node_options', 'UV_THREADPOOL_SIZE']) {
      expect(faults({ env: { [name]: 'x' } }, 'public')).toEqual([])
      expect(faults({ env: { [name]: 'x' } }, 'cvm')).toEqual([name])
    }
    for (const value of ['a b', '$(id)', 'a\nb', 'x'.repeat(201)]) {
      expect(faults({ env: { PATH: value } }, 'cvm')).toEqual(['PATH'])
    }
  })

  test('all faults are told at once, each with its remedy, and no value', () => {
    const env = { NODE_OPTIONS: '--secret', LD_PRELOAD: '/secret.so' }
    const started = () => checkLaunch(launch({ env, execArgv: ['--inspect=secret'] }), 'loopback')
    expect(started).toThrow(
      [
        'unsafe environment, not started:',
        '  NODE_OPTIONS adds options to the runtime: unset it, or start with env -u NODE_OPTIONS',
        '  LD_PRELOAD loads code into the process: unset it, or start with env -u LD_PRELOAD',
        '  --inspect opens the process to a debugger: leave it out',
      ].join('\n'),
    )
    expect(started).not.toThrow('secret')
  })
})

describe('options of the runtime', () => {
  const dangerous = [
    ...['--inspect', '--inspect=0.0.0.0:9229', '--inspect-brk', '--inspect-wait', '--debug-port=9229'],
    ...['--tls-keylog=/tmp/keys', '--tls-keylog', '--trace-tls', '--heapsnapshot-signal=SIGUSR2', '--heap-prof'],
    ...['--openssl-config=/x', '--openssl-shared-config', '--env-file=x', '--env-file-if-exists=x', '--use-env-proxy'],
  ]
  test.each(dangerous)('%s, everywhere', (flag) => {
    for (const place of everywhere) expect(faults({ execArgv: [...fixed, flag] }, place)).toEqual([flag.split('=')[0]])
  })

  test('who records may have the secrets of TLS, and nothing else', () => {
    expect(faults({ execArgv: ['--tls-keylog=x'] }, 'loopback', true)).toEqual([])
    expect(faults({ execArgv: ['--tls-keylog=x', '--inspect'] }, 'loopback', true)).toEqual(['--inspect'])
  })

  test('inside a CVM only known ones, and two that must be there', () => {
    const argv = [
      '--allow-net',
      '--allow-fs-read=/opt',
      '--max-old-space-size=512',
      '--disable-warning=ExperimentalWarning',
    ]
    expect(faults({ execArgv: [...fixed, ...argv] }, 'cvm')).toEqual([])
    for (const flag of ['--import', './x.ts', '--require=x', '--allow-child-process', '--allow-fs-read']) {
      expect(faults({ execArgv: [flag] }, 'public')).toEqual([])
      expect(faults({ execArgv: [...fixed, flag] }, 'cvm')).toEqual([flag.split('=')[0]])
    }
    expect(faults({ execArgv: [] }, 'cvm')).toEqual(['--disable-sigusr1', '--permission'])
    expect(faults({ execArgv: [] }, 'public')).toEqual([])
  })
})

describe('memory that reaches a disk', () => {
  const cases: [string, Changes['proc'], string[], string[]][] = [
    ['core dumps without a limit', { '/proc/self/limits': noDumps.replace(' 0 ', ' unlimited ') }, ['core'], ['core']],
    ['core dumps of some size', { '/proc/self/limits': noDumps.replace(' 0 ', ' 1024 ') }, ['core'], ['core']],
    ['core dumps through a pipe', { '/proc/sys/kernel/core_pattern': '|/x %p\n' }, [], ['kernel.core_pattern']],
    ['swap', { '/proc/swaps': 'Filename\tType\n/dev/sda2 partition 1 0 -2\n' }, [], ['swap']],
    ['a system without /proc', Object.fromEntries(Object.keys(proc).map((path) => [path, undefined])), [], []],
  ]
  test.each(cases)('%s', (_what, changed = {}, inPublic, inCvm) => {
    expect(faults({ proc: changed }, 'loopback')).toEqual([])
    expect(faults({ proc: changed }, 'public')).toEqual(inPublic)
    expect(faults({ proc: changed }, 'cvm')).toEqual(inCvm)
  })
})

test('it looks at the process that it is given', () => {
  const { env, execArgv, proc: read } = launchOf({ env: { A: '1' }, execArgv: ['--x'] })
  expect([env['A'], execArgv, read('/nonexistent')]).toEqual(['1', ['--x'], undefined])
  if (process.platform === 'linux') expect(read('/proc/self/limits')).toMatch(/^Max core file size/m)
})
