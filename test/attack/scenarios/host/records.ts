/** H17: somebody who may write to the disk of an operator edits the record of security events. privacy.md 4.7, conformance OPS-1. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { main } from '../../../../shared/client/commands/main.ts'
import { writeEntry, readEntry, type Entry } from '../../../../shared/observability/audit/entry.ts'
import { openRecord } from '../../../../shared/observability/audit/record.ts'
import { newTerminal } from '../../../shared/client/terminal.ts'
import { detected, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { demand } from '../common.ts'

export const recordScenarios: readonly Scenario[] = [
  {
    ...{ ...inFront, id: 'H17', severity: 4, score: 'D', expects: ['DETECTED'], subject: ['gateway'], quick: true },
    title: 'a record of what happened, edited afterwards',
    given: 'whoever may write to the operator’s disk, and somebody who kept a head of the record',
    does: 'changes, drops, moves, doubles and adds entries, cuts the end off, and writes all of it anew',
    shows:
      'each is found by `asunder audit verify`; what keeps every hash in order, by the head that was kept elsewhere',
    withoutNaive: 'the naive pair keeps lines of text that anybody may edit',
    control: intact,
    attack: edited,
  },
]

/** The record of a day, by the hand that writes it in relay and gateway. */
function recorded(stage: Stage): readonly string[] {
  const file = join(stage.folder(), 'record')
  const failed = (why: string): never => {
    throw new Error(why)
  }
  const record = openRecord({ file, service: 'gateway', now: stage.clocks.gateway, failed })
  const digest = `sha256:${'a7'.repeat(32)}` as const
  record.note('started', { configuration: digest })
  record.note('keys-turned', { created: 1, destroyed: 0 })
  record.note('attested', { cvm: 0, simulated: true, measurement: `measurement:${'5c'.repeat(48)}` })
  record.note('keys-turned', { created: 1, destroyed: 1 })
  record.note('not-attested', { cvm: 0, why: 'wrong-measurement' })
  record.note('stopped', {})
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

type Said = { readonly found: boolean; readonly words: string }

/** What somebody is told who has the record, and perhaps a head. */
async function verified(lines: readonly string[], head?: string): Promise<Said> {
  const text = lines.map((one) => `${one}\n`).join('')
  const terminal = newTerminal({ readFile: () => Promise.resolve(new TextEncoder().encode(text)) })
  const more = head === undefined ? [] : ['--head', head]
  const code = await main(['audit', 'verify', 'record', ...more], terminal)
  return { found: code !== 0, words: `${terminal.shown.out}${terminal.shown.err}`.split('\n')[0] ?? '' }
}

async function intact(stage: Stage): Promise<void> {
  const lines = recorded(stage)
  demand(lines.length === 7, `seven entries, but ${lines.length}`)
  const said = await verified(lines, lines.at(-1)?.slice(0, 64))
  demand(!said.found, `the record stands, but ${said.words}`)
}

/** Every entry from here on with a hash of its own, in order: what only a head that was kept elsewhere contradicts. */
function rewritten(lines: readonly string[], change: (entry: Entry) => Entry): readonly string[] {
  let prev = '0'.repeat(64)
  return lines.map((line) => {
    const read = readEntry(line)
    if (typeof read === 'string') throw new TypeError('a record that stands')
    const next = writeEntry(change({ ...read.entry, prev }))
    prev = next.slice(0, 64)
    return next
  })
}

async function edited(stage: Stage): Promise<Finding> {
  const lines = recorded(stage)
  const head = lines.at(-1)?.slice(0, 64)
  const [first = '', second = '', ...rest] = lines
  const forgiven = (entry: Entry): Entry => {
    if (entry.event !== 'not-attested') return entry
    const { seq, time, service, prev } = entry
    return { seq, time, service, event: 'keys-turned', prev, created: 0, destroyed: 0 }
  }
  const chained = rewritten(lines, forgiven)
  const alone: readonly (readonly [what: string, lines: readonly string[]])[] = [
    ['a word changed', lines.map((line) => line.replace('wrong-measurement', 'timeout'))],
    ['a time changed', lines.map((line, at) => (at === 3 ? line.replace(/T\d\d:/, 'T25:') : line))],
    ['an entry dropped', lines.filter((_, at) => at !== 5)],
    ['the beginning dropped', lines.slice(1)],
    ['two entries moved', [first, rest[0] ?? '', second, ...rest.slice(1)]],
    ['an entry doubled', [first, second, second, ...rest]],
    ['one entry written anew, with its hash', lines.map((line, at) => (at === 5 ? (chained[5] ?? '') : line))],
    ['an entry of another record put in', [...lines.slice(0, 3), ...recorded(stage).slice(2, 3), ...lines.slice(3)]],
  ]
  const withHead: readonly (readonly [what: string, lines: readonly string[]])[] = [
    ['the end cut off', lines.slice(0, -2)],
    ['all of it written anew', chained],
  ]
  for (const [what, changed] of alone) {
    demand(changed.join() !== lines.join(), `${what}: something changed`)
    if (!(await verified(changed)).found) return exposed(`${what}: it still stands`)
  }
  for (const [what, changed] of withHead)
    if (!(await verified(changed, head)).found) return exposed(`${what}: it still stands, whoever kept its head`)
  return detected(`${alone.length} edits by the record itself, ${withHead.length} by the head that was kept`)
}
