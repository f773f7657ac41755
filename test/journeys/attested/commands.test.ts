/** `asunder ask`, `bundle` and `fetch` in each placement: what they say before and after, and what they refuse with. */
import { describe, expect, test } from 'vitest'
import { main } from '../../../shared/client/commands/main.ts'
import { utf8 } from '../../../shared/bytes.ts'
import { newTerminal } from '../../shared/client/terminal.ts'
import { street, target, type Street } from './street.ts'

const placements = ['front', 'inside', 'sealed'] as const

async function run(place: Street, args: readonly string[], more: readonly string[] = []) {
  const terminal = newTerminal()
  terminal.files.set('root.note', utf8(place.trust))
  terminal.files.set('simulated.json', utf8(JSON.stringify(place.allowSimulated ?? {})))
  const [command = '', ...words] = args
  const connection = ['--relay', place.relay, '--plaintext-loopback', '--trust', 'root.note', '--memory', 'none']
  const code = await main([command, ...connection, ...more, ...words], terminal)
  return { code, ...terminal.shown }
}

const leave = (place: Street): string[] => {
  const word = ['--placement', place.placement]
  return place.placement === 'front' ? word : [...word, '--allow-simulated', 'simulated.json']
}

describe.each(placements)('in placement %s', (placement) => {
  test('fetch brings an answer, and bundle says what it rests on', async () => {
    const place = await street(placement)
    expect(await run(place, ['fetch', '--data', 'hello', target], leave(place))).toEqual({
      code: 0,
      out: 'hello',
      err: '',
    })
    const { code, out } = await run(place, ['bundle'], leave(place))
    expect([code, out.startsWith(`placement     ${placement}`)]).toEqual([0, true])
    expect(out.includes('SIMULATED: made by software')).toBe(placement !== 'front')
    expect(out).toMatch(/^verified +that the bundle is signed/mu)
    expect(out).toMatch(/^not verified +\S/mu)
    const { out: json } = await run(place, ['bundle', '--json'], leave(place))
    expect(JSON.parse(json)).toMatchObject({ placement, operatorTrusted: placement === 'front' })
  })

  test.each(placements.filter((other) => other !== placement))(
    'asking for %s is refused by name, with exit code 1',
    async (other) => {
      const place = await street(placement)
      const { code, out, err } = await run(place, ['fetch', '--data', 'hello', target], ['--placement', other])
      expect([code, out]).toEqual([1, ''])
      expect(err).toContain('placement-mismatch')
      expect(err).toContain('--placement: nothing was sent')
      expect(place.posts).toEqual([])
    },
  )
})

describe('where evidence is refused', () => {
  test('the rule is named, and what may be done about it', async () => {
    const place = await street('sealed')
    const { code, err } = await run(place, ['fetch', '--data', 'hello', target], ['--placement', 'sealed'])
    expect(code).toBe(1)
    expect(err).toContain('evidence-refused')
    expect(err).toContain('(simulated-not-allowed)')
    expect(err).toContain('--allow-simulated: the evidence was made by software')
    expect(place.posts).toEqual([])
  })

  test('another role than the caller means', async () => {
    const place = await street('sealed')
    const { code, err } = await run(place, ['bundle'], [...leave(place), '--role', 'other'])
    expect([code, err.includes('(role-refused)')]).toEqual([1, true])
  })
})

test('ask says what was judged before it says anything else', async () => {
  const place = await street('sealed', {
    handler: (request, response) => {
      request.resume()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('data: {"choices":[{"delta":{"content":"fine"}}]}\n\ndata: [DONE]\n\n')
    },
  })
  const { code, out, err } = await run(place, ['ask', 'How are you?'], leave(place))
  expect([code, out]).toEqual([0, 'fine\n'])
  expect(err).toContain('sealed: placement sealed; bundle 1, development root')
  expect(err).toContain('judged: SIMULATED evidence of 2 CVMs, fresh, under policy 42 for app')
})
