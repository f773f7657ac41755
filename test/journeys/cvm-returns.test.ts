/** No attested CVM, no opening: the CVM goes, the gateway says so and refuses; it comes back, and nobody has to do anything. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appOrigin } from '../../deploy/local/pair/settings.ts'
import { startPair, type Pair } from '../../deploy/local/pair/pair.ts'
import { startService, type Service } from '../../deploy/local/pair/service.ts'
import type { ObliviousFetch } from '../../shared/client/index.ts'
import { clientOf } from './soak.ts'

let pair: Pair
let fetch: ObliviousFetch
let returned: Service | undefined

beforeAll(async () => {
  pair = await startPair({ pace: 1 })
  fetch = clientOf(pair)
}, 60_000)
afterAll(async () => {
  await fetch.close()
  await returned?.stop()
  await pair.stop()
})

const models = `${appOrigin}/v1/models`

async function readyz(): Promise<{ status: number; text: string }> {
  const answer = await globalThis.fetch(new URL('/readyz', pair.admin.gateway))
  return { status: answer.status, text: await answer.text() }
}

async function until(status: number): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    const now = await readyz()
    if (now.status === status) return now.text
    await sleep(100)
  }
  throw new Error(`/readyz never said ${String(status)}`)
}

/** The same settings, but on the port it had. */
function comeBack(gone: Service): Service {
  const file = join(pair.folder, 'cvm', 'settings.json')
  const settings = JSON.parse(readFileSync(file, 'utf8')) as { listen: { port: number } }
  const lines = readFileSync(gone.logFile, 'utf8').split('\n')
  const said = lines.find((line) => line.includes('"event":"listening"')) ?? '{}'
  settings.listen.port = (JSON.parse(said) as { port: number }).port
  writeFileSync(file, JSON.stringify(settings))
  const logFile = join(pair.folder, 'cvm-again.log')
  return startService({ name: 'cvm', door: 'gateway/cvm/main.ts', args: ['--config', file], logFile })
}

test('the gateway refuses while no CVM is attested, says so, and recovers by itself', async () => {
  expect((await fetch(models)).status).toBe(200)
  const cvm = pair.services.find(({ name }) => name === 'cvm')
  if (cvm === undefined) throw new TypeError('a pair has a CVM')

  await cvm.stop()
  expect(await until(503)).toContain('attested-cvm')
  await expect(fetch(models)).rejects.toMatchObject({ code: 'gateway-unavailable', status: 503 })

  returned = comeBack(cvm)
  expect(await until(200)).toContain('ready')
  expect((await fetch(models)).status).toBe(200)
}, 60_000)
