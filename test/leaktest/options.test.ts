/** The command line without its door: what is asked for, and what is said to a mistake. */
import { describe, expect, test } from 'vitest'
import { explained } from './explain.ts'
import { asked, UsageError } from './options.ts'

const dice = (): number => 5

test('without words it is a run with a seed by chance', () => {
  expect(asked([], dice)).toMatchObject({ command: 'run', seed: 5, quick: false, tests: [] })
})

test.each([
  [['--quick', '--seed', '9'], { quick: true, seed: 9 }],
  [['run', '--level', '1'], { levels: [1] }],
  [[], { placements: ['front', 'inside', 'sealed'] }],
  [['--placement', 'all', '--quick'], { placements: ['front', 'inside', 'sealed'] }],
  [['--placement', 'sealed'], { placements: ['sealed'] }],
  [['--quick'], { placements: ['front', 'sealed'] }],
  [['--target', 'their.json'], { placements: ['front'] }],
  [[], { levels: [0, 1], profile: 'direct' }],
  [['--level', '0', '--profile', 'horizon'], { levels: [0], profile: 'horizon' }],
  [['--profile', 'paced'], { levels: [0, 1], profile: 'paced' }],
  [['--tests', 'heads,size.grid,'], { tests: ['heads', 'size.grid'] }],
  [['--out', 'there', '--keep'], { out: 'there', keep: true }],
  [['scan', '--canaries', 'c.json', 'a', 'b'], { command: 'scan', canaries: 'c.json', paths: ['a', 'b'] }],
  [['render', 'r.json'], { command: 'render', file: 'r.json', out: undefined }],
  [['explain', 'F01'], { command: 'explain', what: 'F01' }],
  [['run', '--help'], { command: 'help' }],
])('%j is understood', (args, what) => expect(asked(args, dice)).toMatchObject(what))

describe('a mistake is named', () => {
  test.each([
    [['--level', '7'], '--level: 0, 1, 2'],
    [['--seed', 'x'], '--seed: a whole number'],
    [['--placement', 'behind'], '--placement: front, inside, sealed or all'],
    [['--profile', 'fast'], '--profile: direct, mixed, paced, horizon'],
    [['--profile', 'horizon'], '--profile horizon: with --level 0 alone'],
    [['--profile', 'mixed', '--level', '2'], '--profile mixed: at levels 0 and 1'],
    [['walk'], 'no command "walk"'],
    [['run', 'now'], 'nothing comes after run'],
    [['--canaries', 'x'], '--canaries belongs to scan'],
    [['scan', 'x'], '--canaries FILE is missing'],
    [['scan', '--canaries', 'x'], 'name at least one file'],
    [['render'], 'name a report.json'],
    [['render', 'a', 'b'], 'and nothing else'],
  ])('%j', (args, says) => {
    expect(() => asked(args, dice)).toThrow(UsageError)
    expect(() => asked(args, dice)).toThrow(says)
  })
})

test('fields and tests are explained, and nothing else', () => {
  expect(explained('F18')).toMatch(/in front:\n( {2}.+\n)*? {2}G may, in passing[^]*in sealed:\n {2}V must/)
  expect(explained('F34')).toContain('  nobody')
  expect(explained('heads.upstream')).toContain('speaks for F06 NR')
  expect(explained('size.overhead')).toContain('claimed by nobody')
  expect(explained('F99')).toBeUndefined()
})
