/** R01-R07: a relay that sends again what it carried before. RFC 9458 §6.5, wire.md "Replay". */
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import type { App } from '../../pair/app.ts'
import { openApp } from '../../pair/app.ts'
import { intruder, intruderWith, opened, type Intruder, type Told } from '../../roles/client.ts'
import { replicas } from '../../roles/replicas.ts'
import { besieged, demand, gatewayAnswers, hour, isServed, secret, shapeOf } from '../common.ts'

const replay = { ...inFront, severity: 8, score: 'B', expects: ['BLOCKED'], subject: ['gateway'] } as const
const given = 'the relay kept the sealed octets of a request that was served'

export const replayScenarios: readonly Scenario[] = [
  {
    ...replay,
    id: 'R01',
    title: 'replay inside the window',
    given,
    does: 'posts them again at once',
    shows: 'the app is asked once; the second answer looks like every other sealed refusal',
    quick: true,
    control: gatewayAnswers,
    async attack(stage) {
      const { cli, app } = await besieged(stage)
      const again = await twice(cli, cli, app)
      const other = await cli.ask({ authority: '' })
      if (app.asked.length > 1) return exposed('the same octets were executed twice')
      const same = shapeOf(again.outer) === shapeOf(other.outer)
      return same ? refused(again) : exposed(`a replay can be told from outside: ${shapeOf(again.outer)}`)
    },
  },
  {
    ...replay,
    id: 'R02',
    title: 'replay outside the window',
    given,
    does: 'posts them again when every memory of them may have ended',
    shows: 'refused by the Date inside',
    quick: true,
    control: gatewayAnswers,
    async attack(stage) {
      const { cli, app } = await besieged(stage)
      const sealed = await cli.seal({ content: secret, method: 'POST' })
      demand(isServed(await opened(await cli.post(sealed.message), sealed)), 'the first is served')
      stage.clocks.shift('gateway', 602_000)
      stage.clocks.shift('cvm', 602_000)
      const again = await opened(await cli.post(sealed.message), sealed)
      return once(app, again)
    },
  },
  {
    ...replay,
    id: 'R03',
    title: 'replay across replicas',
    given,
    does: 'posts them to another replica of the gateway',
    shows: 'refused: replicas share what was claimed',
    quick: true,
    control: gatewayAnswers,
    async attack(stage) {
      const { app, gateways } = await replicas(stage, 2)
      const [first, second] = await Promise.all(gateways.map(({ url }) => intruder(url)))
      demand(first !== undefined && second !== undefined, 'two replicas')
      return once(app, await twice(first, second, app))
    },
  },
  {
    ...replay,
    id: 'R04',
    title: 'replay across a restart',
    given,
    does: 'waits until the gateway was restarted and posts them again',
    shows: 'refused: claims survive, or the key does not',
    quick: true,
    control: gatewayAnswers,
    attack: (stage) => acrossRestart(stage, 0),
  },
  {
    ...replay,
    id: 'R05',
    title: 'replay across a key rotation',
    given: 'the relay kept a request without Date, and its key is now in its overlap',
    does: 'posts it again',
    shows: 'refused: claimed until the key is destroyed',
    quick: true,
    control: gatewayAnswers,
    attack: (stage) => acrossRestart(stage, 12.3 * hour),
  },
  {
    ...replay,
    id: 'R06',
    title: 'flushing the memory of replays',
    given,
    does: 'sends junk, then real requests, until the memory of the gateway is full, and posts them again',
    shows: 'junk takes no room; a full memory refuses everybody and forgets nothing',
    quick: false,
    control: gatewayAnswers,
    attack: flushed,
  },
  {
    ...replay,
    id: 'R07',
    title: 'the same request twice at once',
    given: 'the relay holds a fresh sealed request',
    does: 'posts it on eight connections at the same moment',
    shows: 'exactly one execution',
    quick: true,
    control: gatewayAnswers,
    async attack(stage) {
      const { cli, app } = await besieged(stage)
      const { message } = await cli.seal({ method: 'POST', content: secret })
      await Promise.all(Array.from({ length: 8 }, () => cli.post(message)))
      if (app.asked.length === 1) return blocked('one of eight was executed')
      return exposed(`${app.asked.length} of eight were executed`)
    },
  },
]

async function twice(first: Intruder, second: Intruder, app: App): Promise<Told> {
  const sealed = await first.seal({ method: 'POST', content: secret })
  demand(isServed(await opened(await first.post(sealed.message), sealed)), 'the first is served')
  demand(app.asked.length === 1, 'the first reached the app')
  return opened(await second.post(sealed.message), sealed)
}

function refused({ outer, inner }: Told): Finding {
  return blocked(inner === undefined ? `refused with ${outer.status}` : `refused inside with ${inner.status}`)
}

function once(app: App, again: Told): Finding {
  if (app.asked.length > 1 || isServed(again)) return exposed('the same octets were executed twice')
  return refused(again)
}

/** With keys and claims that rest in files, since without them there is nothing to replay. */
async function acrossRestart(stage: Stage, later: number): Promise<Finding> {
  const rest = stage.folder()
  const app = await openApp(stage)
  const before = await started(stage, app, rest)
  const cli = await intruder(before.url)
  const sealed = await cli.seal({ method: 'POST', content: secret, ...(later > 0 ? { date: null } : {}) })
  demand(isServed(await opened(await cli.post(sealed.message), sealed)), 'the first is served')
  await before.close()
  stage.clocks.shift('gateway', later)
  stage.clocks.shift('cvm', later)
  const after = await started(stage, app, rest)
  const own = intruderWith(cli.key, after.url)
  const fresh = await own.ask({ date: Date.now() + later })
  demand(isServed(fresh), 'the key of before still opens')
  const again = await opened(await own.post(sealed.message), sealed)
  if (app.asked.length > 2 || isServed(again)) return exposed('the same octets were executed twice')
  return refused(again)
}

async function started(stage: Stage, app: App, rest: string) {
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port, rest })
  await gateway.ready()
  return gateway
}

async function flushed(stage: Stage): Promise<Finding> {
  const { cli, app } = await besieged(stage, { gateway: { settings: { store: { claims: 10 } } } })
  const sealed = await cli.seal({ method: 'POST', content: secret })
  demand(isServed(await opened(await cli.post(sealed.message), sealed)), 'the first is served')
  const junk = Uint8Array.from(sealed.message)
  for (let i = 0; i < 40; i++) await cli.post(junk.with(40, i).with(60, stage.dice.below(256)))
  const room = await filled(cli)
  const again = await opened(await cli.post(sealed.message), sealed)
  if (isServed(again) || app.asked.length > 1 + room)
    return exposed('after a flood the same octets were executed twice')
  if (room === 0) return exposed('junk that nobody could open filled the memory')
  return blocked(`full after ${room} more real requests, 40 pieces of junk took no room; then refused`)
}

/** How many more were served before the first refusal, of forty at most. */
async function filled(cli: Intruder): Promise<number> {
  for (let count = 0; count < 40; count++) if (!isServed(await cli.ask({ path: `/${count}` }))) return count
  return 40
}
