/** `asunder monitor` as a person meets it: usage, words, rounds, signals. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../../../shared/bytes.ts'
import { main } from '../../../../shared/client/commands/main.ts'
import { alarms } from '../../../../shared/client/monitor/alarms.ts'
import { asunder } from '../shell.ts'
import { newTerminal } from '../terminal.ts'
import { deployment, hostileRelay } from './deployment.ts'

test('every alarm has a sentence and says what to do, and the list is sorted', () => {
  const rows = Object.entries(alarms)
  expect(rows.map(([code]) => code)).toEqual(rows.map(([code]) => code).toSorted())
  for (const [code, { means, remedy }] of rows) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(Math.min(means.length, remedy.length)).toBeGreaterThan(20)
  }
})

describe('usage', () => {
  const good = ['--relay', 'https://relay.example/', '--trust', 'root.note', '--placement', 'front']
  test.each([
    [['--once'], '--relay is missing'],
    [['--relay', 'https://relay.example/', '--once'], '--trust is missing'],
    [[...good.slice(0, 4), '--once'], '--placement is missing'],
    [[...good.slice(0, 5), 'beside', '--once'], '--placement: one of front, inside, sealed'],
    [good, 'either --once or --every'],
    [[...good, '--once', '--every', '10m'], 'either --once or --every'],
    [[...good, '--every', 'often'], '--every: 10s to 24h'],
    [[...good, '--every', '1s'], '--every: 10s to 24h'],
    [[...good, '--every', '25h'], '--every: 10s to 24h'],
    [[...good, '--once', 'more'], 'no arguments'],
    [['--relay', 'relay', ...good.slice(2), '--once'], '--relay: not a URL'],
    [['--relay', 'http://relay.example/', ...good.slice(2), '--once'], '--plaintext-loopback'],
    [[...good, '--gateway', 'ftp://gateway.example/', '--once'], '--gateway: the address must be https'],
    [[...good, '--log', 'http://log.example/', '--once'], '--log: http'],
    [['--relay', 'https://a.example/,https://a.example/', ...good.slice(2), '--once'], 'one address twice'],
  ])('%j', async (args, words) => {
    const terminal = newTerminal()
    terminal.files.set('root.note', utf8('a root'))
    expect(await main(['monitor', ...args], terminal)).toBe(2)
    expect([terminal.shown.out, terminal.shown.err]).toEqual(['', expect.stringContaining(words)])
  })

  test('--help names every alarm', async () => {
    const terminal = newTerminal()
    expect(await main(['monitor', '--help'], terminal)).toBe(0)
    for (const code of Object.keys(alarms)) expect(terminal.shown.out).toContain(`  ${code} `)
  })
})

test('--every tells the first round whole and then only what changes, until it is interrupted', async () => {
  const it = await deployment()
  const relay = await hostileRelay(await it.publish())
  const interrupted = new AbortController()
  const steps = [
    async () => void (relay.bundle = await it.bundle({ serial: 6 })),
    () => Promise.resolve(),
    async () => void (relay.bundle = await it.bundle({ serial: 7 })),
    () => {
      interrupted.abort()
      return Promise.reject(interrupted.signal.reason as Error)
    },
  ]
  const outs: string[] = []
  const waits: number[] = []
  const terminal = newTerminal({
    now: () => it.clock,
    signal: interrupted.signal,
    out: (data) => {
      outs.push(String(data))
      return Promise.resolve()
    },
    wait: (milliseconds) => {
      waits.push(milliseconds)
      return steps.shift()?.() ?? Promise.reject(new TypeError('more rounds than steps'))
    },
  })
  terminal.files.set('root.note', utf8(it.people.root))
  const args = ['--relay', relay.url, '--trust', 'root.note', '--placement', 'front', '--state', 'none']
  expect(await main(['monitor', ...args, '--plaintext-loopback', '--every', '10m'], terminal)).toBe(130)
  expect(waits).toEqual([600_000, 600_000, 600_000, 600_000])
  expect(outs[0]).toMatch(
    /^\S+Z {2}placement front, root version 1 \(development\) until \S+\nbundle +http:\S+ {2}serial 7, [0-9a-f]{64}\nnot watched .+\nno alarm\n$/,
  )
  expect(outs[1]).toMatch(
    /^\S+Z {2}ALARM {2}serial-backwards {2}http:\S+: serial 6 after 7\n +since .+\n +a mirror that .+\n$/,
  )
  expect(outs[2]).toBe('')
  expect(outs[3]).toMatch(/^\S+Z {2}over {3}serial-backwards {2}http:\S+\n$/)
  expect(outs).toHaveLength(4)
})

test('as a process: 0 while all is well, 1 while an alarm stands, 130 for Ctrl-C', async () => {
  const it = await deployment()
  await it.publish()
  const relay = await it.relay()
  const folder = join(it.state, '..')
  await writeFile(join(folder, 'root.note'), it.people.root)
  const args = ['monitor', '--relay', relay.url, '--trust', 'root.note', '--placement', 'front', '--plaintext-loopback']
  const well = await asunder([...args, '--log', it.log.published, '--once'], { folder })
  expect([well.code, well.err, well.out]).toEqual([0, '', expect.stringContaining('\nno alarm\n')])
  expect(JSON.parse(await readFile(join(folder, 'root.note.front.monitor'), 'utf8'))).toMatchObject({ version: 1 })
  const hostile = await hostileRelay(await it.bundle({ serial: 8, keys: Uint8Array.of(0, 4, 1, 0x77, 0x77, 0) }))
  const ill = await asunder([...args, '--relay', hostile.url, '--once', '--json'], { folder })
  expect([ill.code, (JSON.parse(ill.out) as { alarms: unknown[] }).alarms]).toMatchObject([
    1,
    [{ code: 'bundle-refused' }],
  ])
  const onOut = (pid: number, out: string): void => {
    if (out.endsWith('no alarm\n')) process.kill(pid, 'SIGINT')
  }
  const stopped = await asunder([...args, '--log', it.log.published, '--every', '1h'], { folder, onOut })
  expect([stopped.code, stopped.err]).toEqual([130, ''])
})
