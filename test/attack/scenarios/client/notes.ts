/** C15, C16: a client that writes into the operator's log and metrics. privacy.md 2.10 and 4.8. */
import type { Field } from '../../../../shared/bhttp/message.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { pair, type Pair } from '../../pair/pair.ts'
import { intruder, type Intruder } from '../../roles/client.ts'
import { asked, said } from '../../roles/wire.ts'
import { demand, isServed, pairAnswers } from '../common.ts'

const onPair = {
  ...inFront,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['relay', 'gateway'],
  control: pairAnswers,
  quick: true,
} as const
const given = 'a client that chooses every word of its request, outside and inside'

export const noteScenarios: readonly Scenario[] = [
  {
    ...onPair,
    id: 'C15',
    severity: 4,
    title: 'lines of its own in the log',
    given,
    does: 'writes line ends, terminal sequences and JSON into path, fields and target, and fails on purpose',
    shows: 'every line of both logs is JSON with an event, and holds no word of the client’s',
    attack: lines,
  },
  {
    ...onPair,
    id: 'C16',
    severity: 2,
    quick: false,
    title: 'a series for each word',
    given,
    does: 'uses sixty different paths, methods, types and agents, outside and inside',
    shows: 'the metrics have the same series as before, and no word of the client’s',
    attack: series,
  },
]

const mark = 'lkt-word'
const evil = `${mark}\n{"event":"${mark}"}\u001b[31m`

/** A request that fails or succeeds with words of the client's everywhere that it can have them. */
async function speak(stage: Stage, { relay, gateway }: Pair, cli: Intruder, word: string): Promise<void> {
  const fields = {
    'user-agent': word.replace(/[^\x20-\x7e]/g, '.'),
    'content-type': `message/${word.replace(/\W/g, '')}`,
  }
  const safe = encodeURIComponent(word)
  await asked(`${relay.url}/${safe}?q=${safe}`, { fields })
  await asked(relay.url, { method: 'POST', fields, body: word })
  await said(
    stage,
    relay.port,
    `${word.replace(/\W/g, '').toUpperCase()} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
  )
  await asked(`${gateway.url}/${safe}`, { fields })
  const headers: Field[] = [['x-word', word.replace(/[^\x20-\x7e]/g, '.')]]
  await cli.ask({ path: `/${safe}`, headers, method: 'POST', content: word })
  await cli.ask({ authority: `${word.replace(/\W/g, '')}.example`, headers })
}

async function spoken(stage: Stage) {
  const town = await pair(stage)
  const cli = await intruder(town.relay.url)
  demand(isServed(await cli.ask({})), 'an honest one is served')
  return { town, cli }
}

async function lines(stage: Stage): Promise<Finding> {
  const { town, cli } = await spoken(stage)
  await speak(stage, town, cli, evil)
  await stage.subject.gateway(stage, { cvmPort: town.cvm.port }).then(({ close }) => close())
  const logs = [town.relay, town.gateway, town.cvm].map(({ log }) => log())
  const words = logs.filter((text) => text.includes(mark)).length
  if (words > 0) return exposed(`${words} of 3 logs hold words of the client’s`)
  const odd = logs.flatMap((text) => text.split('\n').filter((line) => line !== '' && !isEvent(line)))
  if (odd.length > 0) return exposed(`lines that are no events: ${odd[0] ?? ''}`)
  return blocked(`${logs.join('').split('\n').length} lines in three logs, all events, no word of the client’s`)
}

function isEvent(line: string): boolean {
  try {
    const { event } = JSON.parse(line) as { event?: unknown }
    return typeof event === 'string'
  } catch {
    return false
  }
}

async function series(stage: Stage): Promise<Finding> {
  const { town, cli } = await spoken(stage)
  await speak(stage, town, cli, 'first')
  const before = await seriesOf(town)
  for (let at = 0; at < 10; at++) await speak(stage, town, cli, `${mark}${at}`)
  const after = await seriesOf(town)
  const fresh = [...after].filter((one) => !before.has(one))
  if (fresh.length > 0) return exposed(`${fresh.length} new series, such as ${fresh[0] ?? ''}`)
  return blocked(`${after.size} series before and after`)
}

async function seriesOf({ relay, gateway }: Pair): Promise<ReadonlySet<string>> {
  const texts = await Promise.all([relay.metrics(), gateway.metrics()])
  const lines = texts.flatMap((text) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
  return new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' '))))
}
