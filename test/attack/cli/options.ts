/** What `attack` can be told: rows for the parser, words for the help, and the choice of scenarios that they make. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { groups, type Group, type Scenario } from '../frame/scenario.ts'

/** A mistake in how the command was called; the message names the option and the remedy. */
export class UsageError extends Error {}

const rows = {
  list: { type: 'boolean', says: 'shows the scenarios and runs none' },
  only: {
    type: 'string',
    multiple: true,
    value: 'ID',
    says: 'runs these: ids such as R07 or groups such as R; may come again',
  },
  file: { type: 'string', value: 'FILE', says: 'runs the scenario that this module exports by default, and no other' },
  quick: { type: 'boolean', says: 'runs those that are fit for every commit' },
  seed: { type: 'string', value: 'N', says: 'whole number from which all dice come; default 1' },
  mutant: { type: 'string', value: 'naive', says: 'attacks the naive pair instead, which must be EXPOSED' },
  'no-proof': { type: 'boolean', says: 'leaves out the naive pair that each attack is proved against' },
  json: { type: 'boolean', says: 'prints the report as JSON instead of a table' },
  out: { type: 'string', value: 'FILE', says: 'writes the report as JSON to a file' },
  junit: { type: 'string', value: 'FILE', says: 'writes the results as JUnit to a file' },
  help: { type: 'boolean', short: 'h', says: 'shows this' },
} as const satisfies ParseArgsOptionsConfig & Record<string, { says: string; value?: string }>

export type Options = {
  readonly list: boolean
  readonly only: readonly string[]
  readonly file: string | undefined
  readonly quick: boolean
  readonly seed: number
  readonly mutant: boolean
  readonly proof: boolean
  readonly json: boolean
  readonly out: string | undefined
  readonly junit: string | undefined
  readonly help: boolean
}

export function read(args: readonly string[]): Options {
  const { values, positionals } = parsed(args)
  const { list = false, only = [], file, quick = false, mutant, json = false, out, junit, help = false } = values
  if (mutant !== undefined && mutant !== 'naive') throw new UsageError(`--mutant ${mutant}: there is only naive`)
  const seed = Number(values.seed ?? 1)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new UsageError('--seed: give a whole number from 0')
  const named = [...only, ...positionals].flatMap((words) => words.split(',')).filter((word) => word !== '')
  const proof = values['no-proof'] !== true
  return { list, only: named, file, quick, seed, mutant: mutant !== undefined, proof, json, out, junit, help }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: rows, allowPositionals: true })
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : 'these arguments make no sense')
  }
}

/** The scenarios that the words choose. A word that chooses none is a mistake. */
export function chosen(
  all: readonly Scenario[],
  { only, quick }: Pick<Options, 'only' | 'quick'>,
): readonly Scenario[] {
  for (const word of only) {
    if (!all.some((scenario) => names(word, scenario))) {
      throw new UsageError(`--only ${word}: no such scenario or group; --list shows them`)
    }
  }
  const named = only.length === 0 ? all : all.filter((scenario) => only.some((word) => names(word, scenario)))
  return quick ? named.filter((scenario) => scenario.quick === true) : named
}

function names(word: string, { id }: Scenario): boolean {
  return id === word.toUpperCase() || id.slice(0, 1) === word.toUpperCase()
}

export const help = `Usage: npm run attack -- [options] [ID|GROUP ...]
       npm run attack -- serve ROLE [options]     a hostile relay, gateway or network, for your own client
       npm run attack -- new FILE                 a scenario of your own to fill in; run it with --file FILE

Plays attacks on a relay and gateway pair on loopback. Each is played with a control run, which must succeed, and against a
naive pair, which must fall: otherwise it proves nothing. Evidence is simulated; nothing leaves this machine.

${lines(rows).join('\n')}

Groups: ${(Object.keys(groups) as Group[]).map((group) => `${group} ${groups[group]}`).join(', ')}.

Exit status: 0 passed, 1 something was exposed or proves nothing, 2 something could not be concluded, 3 wrong use.
`

function lines(options: Readonly<Record<string, { says: string; value?: string; short?: string }>>): string[] {
  return Object.entries(options).map(([name, { says, value = '', short }]) => {
    const shown = `--${name}${value === '' ? '' : ` ${value}`}${short === undefined ? '' : `, -${short}`}`
    return `  ${shown.padEnd(18)}${says}`
  })
}
