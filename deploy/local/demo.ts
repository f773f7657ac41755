/** Door of `npm run demo`: one private message through the pair, its answer, and who saw what on the recorded wires. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { asked, checked, pairHelp, pairOptions, say, usageOf } from './pair/door.ts'
import { ask } from './demo/ask.ts'
import { judge } from './seen/judge.ts'
import { needlesOf } from './seen/needles.ts'
import { report, sentences, type Paint } from './seen/table.ts'
import type { Verdict } from '../../shared/client/index.ts'
import { withWires } from './demo/wires.ts'

const help = `Usage: npm run demo [-- [options] [FILE]]

Starts the pair on this machine with recorders on its wires, sends one text through it to be summarised, prints the
answer as it streams, and then who saw what, from the bytes that each process really received and sent.
FILE is the text (default: deploy/local/message.txt, a private family chat).

  --model NAME       which model to ask (default: asunder-summarise; with --upstream its first model)
  --json             print one JSON object instead of answer and table
${pairHelp}

Exits with 0 only if every claim held on the recorded bytes, with 1 if one did not, with 2 if called wrongly.
`

const options = { ...pairOptions, json: { type: 'boolean' }, model: { type: 'string' } } as const

function settings() {
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true })
    if (positionals.length > 1) throw new TypeError('one file at most')
    const file = positionals[0] ?? join(import.meta.dirname, 'message.txt')
    return { ...values, ...checked(values), message: values.help === true ? '' : textOf(file) }
  } catch (error) {
    process.stderr.write(`demo: ${usageOf(error)}\n`)
    process.exit(2)
  }
}

function textOf(file: string): string {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  if (needlesOf(text).length === 0) throw new TypeError(`${file} is too short: nothing in it could be told from chance`)
  return text
}

const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })

async function main(): Promise<number> {
  const { message, upstream, pace, placement, profile, model, json = false, keep = false, help: wanted } = settings()
  if (wanted === true) {
    process.stdout.write(help)
    return 0
  }
  const signal = asked()
  let found: Verdict | undefined
  const usual = upstream === undefined ? 'asunder-summarise' : undefined
  const work = withWires({ placement, profile, upstream, pace, progress: say, keep }, async (pair) => {
    say(`asking for a summary of ${message.length} characters, sealed\n`)
    const write = (text: string): void => {
      if (!json) process.stdout.write(text)
    }
    const verified = (verdict: Verdict): void => void (found = verdict)
    const answer = await ask({ pair, message, write, verified, model: model ?? usual })
    write('\n\n')
    return answer
  })
  const done = await Promise.race([work, signal])
  // Told to stop: leaving the process ends and removes everything at once.
  if (typeof done === 'number') return 128 + done
  const { result: answer, observations, client } = done
  const judgement = judge({ placement, message, answer, client, observations })
  const about = { evidence: 'simulated', client, answer, verdict: found }
  process.stdout.write(json ? `${JSON.stringify({ ...about, ...judgement }, null, 2)}\n` : report(judgement, paint))
  if (!json && found !== undefined) process.stdout.write(`\n${sentences(found, paint)}`)
  return judgement.held ? 0 : 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
