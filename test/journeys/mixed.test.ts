/** The pair in profile `mixed`, as processes: whole and streamed answers, an order that nobody chose, and what it refuses. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { visitor } from '../../deploy/local/demo/ask.ts'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { ObliviousError, type ObliviousFetch } from '../../shared/client/index.ts'

const tick = 400

describe.each(['front', 'sealed', 'inside'] as const)('placement %s', (placement) => {
  const folder = mkdtempSync(join(tmpdir(), 'asunder-mixed-'))
  const path = join(folder, 'app.sock')
  const order: number[] = []
  const app = createServer(answerer(order))
  let pair: Pair
  let fetch: ObliviousFetch

  beforeAll(async () => {
    await new Promise<void>((resolve) => app.listen(path, resolve))
    pair = await startPair({
      placement,
      profile: 'mixed',
      onWire: (wire, to) => Promise.resolve(wire === 'app' ? ({ path } as typeof to) : to),
      settings: (service, settings) => (service === 'relay' ? { ...settings, mixing: { tick } } : settings),
    })
    fetch = visitor(pair)
    await fetch(`${appOrigin}/0`)
  }, 90_000)
  afterAll(async () => {
    await fetch.close()
    await pair.stop()
    app.close()
    app.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  })

  test('requests that come one after the other reach the app in another order, and each gets its own answer', async () => {
    order.length = 0
    const sent = Array.from({ length: 8 }, (_, at) => at + 1)
    const answers: Promise<string>[] = []
    for (const one of sent) {
      answers.push(fetch(`${appOrigin}/${String(one)}`).then((answer) => answer.text()))
      await wait(20)
    }
    expect(await Promise.all(answers)).toEqual(sent.map((one) => `this is ${String(one)}`))
    expect(order.toSorted((a, b) => a - b)).toEqual(sent)
    // One order in 40,320 is that in which they came.
    expect(order).not.toEqual(sent)
  })

  test('a streamed answer goes back whole, whatever its size', async () => {
    const answer = await fetch(`${appOrigin}/stream`, { headers: { accept: 'text/event-stream' } })
    const text = await answer.text()
    expect(text.length).toBe(3_000_000)
  })

  test('an upload that would go on as it arrives is refused, and says how to send it; whole, it is served', async () => {
    const body = new Blob(['everything']).stream()
    const refused = await fetch(`${appOrigin}/1`, { method: 'POST', body, duplex: 'half' }).catch(
      (cause: unknown) => cause,
    )
    expect(refused).toBeInstanceOf(ObliviousError)
    expect(refused).toMatchObject({ code: 'upload-refused', status: 501 })
    const answer = await fetch(`${appOrigin}/1`, { method: 'POST', body: 'everything' })
    expect(await answer.text()).toBe('this is 1')
  })

  test('every process says which profile it runs', async () => {
    // In the CVM there is no page to ask, but the listener for the relay is on this machine, and says it in its own way.
    const { relay, gateway } = pair.admin
    if (placement === 'inside') {
      const headers = { 'content-type': 'message/ohttp-req' }
      const refused = await globalThis.fetch(gateway, { method: 'POST', headers, body: 'x' })
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('about:blank')])
    }
    for (const admin of placement === 'inside' ? [relay] : [relay, gateway]) {
      const page = await (await globalThis.fetch(new URL('metrics', admin))).text()
      expect(page).toMatch(/_build_info\{[^}]*profile="mixed"/)
    }
  })
})

function answerer(order: number[]): RequestListener {
  return (incoming, outgoing) => {
    incoming.resume().on('end', () => {
      if (incoming.url === '/stream') {
        outgoing.setHeader('content-type', 'text/event-stream')
        outgoing.end('x'.repeat(3_000_000))
        return
      }
      const number = Number(incoming.url?.slice(1))
      order.push(number)
      outgoing.end(`this is ${String(number)}`)
    })
  }
}
