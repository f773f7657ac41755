/** `attack new FILE`: a scenario that runs as it stands, to be changed. */
import { dirname, join, relative, sep } from 'node:path'

const root = join(import.meta.dirname, '..')

export function scaffold(file: string): string {
  const from = (path: string): string => {
    const way = relative(dirname(file), join(root, path)).split(sep).join('/')
    return way.startsWith('.') ? way : `./${way}`
  }
  return `/** What the attacker tries, and the section that says what a correct pair does. */
import { blocked, exposed, inFront, type Finding, type Scenario } from '${from('frame/scenario.ts')}'
import type { Stage } from '${from('frame/stage.ts')}'
import type { RelayScript } from '${from('roles/relay.ts')}'
import { beset, clientAnswers, endOf, secret, target, words } from '${from('scenarios/common.ts')}'

const scenario: Scenario = {
  ...inFront,
  id: 'R99',
  title: 'an answer with one bit changed',
  severity: 4,
  score: 'B',
  given: 'the relay holds the sealed answer',
  does: 'changes one bit of it',
  shows: 'the client refuses it',
  expects: ['BLOCKED'],
  subject: ['client'],
  // The same traffic without the attack. It must succeed, or nothing was learnt.
  control: clientAnswers,
  attack,
}
export default scenario

async function attack(stage: Stage): Promise<Finding> {
  // onRequest answers in the gateway's place; onForward changes what goes on; onResponse and onChunk what comes back.
  const onResponse: RelayScript['onResponse'] = (reply, { method }) => {
    if (method !== 'POST') return reply
    const body = Buffer.from(reply.body)
    const at = stage.dice.below(body.length)
    body[at] = (body[at] ?? 0) ^ 1
    return { ...reply, body }
  }
  const { client } = await beset(stage, { relay: { onResponse } })
  const ended = await endOf(client.fetch(target, { method: 'POST', body: secret }))
  return 'error' in ended ? blocked(words(ended)) : exposed(\`the caller was given \${words(ended)}\`)
}
`
}
