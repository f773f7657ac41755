/** Serials that outlive the process: an older bundle is not taken after a restart, and a damaged file is no beginning. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createMirror, type Mirrored, type Remembered } from '../../relay/mirror.ts'
import { serialsIn, tolerant } from '../../relay/serials.ts'
import { utf8 } from '../../shared/bytes.ts'
import type { Forward } from '../../shared/upstream/exchange.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'serials-'))))
afterEach(() => rmSync(folder, { recursive: true }))
const file = (): string => join(folder, 'serials.json')

/** A gateway that shows a bundle of this serial, and no key list. */
function gateway(serial: number): Forward {
  return ({ path }, listener) => {
    queueMicrotask(() => {
      const shown = path.endsWith('bundle')
      listener.head(shown ? 200 : 404, (name) => (name === 'content-type' ? 'application/asunder-bundle' : undefined))
      if (shown) listener.data(utf8(`asunder bundle v1\n{"serial":${serial}}\n\n— name c2ln\n`))
      listener.end()
    })
    return { pause: () => undefined, resume: () => undefined, abort: () => undefined }
  }
}

/** What a relay that starts now says of its first look at the bundle. */
async function firstLook(serial: number, remembered?: Remembered): Promise<unknown> {
  const looks: unknown[] = []
  const told: Mirrored = (resource, result) => {
    if (resource === 'bundle') looks.push(typeof result === 'string' ? result : 'taken')
  }
  const mirror = createMirror({ forward: gateway(serial), now: Date.now, told, remembered })
  await mirror.start()
  mirror.stop()
  return looks[0]
}

const at = (origin: string): Remembered => serialsIn(file(), origin)

test('with a file a relay that starts anew takes no older bundle; without one it does; each gateway has its own', async () => {
  const [one, other] = ['https://one.example', 'https://other.example']
  expect(await firstLook(7, at(one))).toBe('taken')
  expect(await firstLook(6, at(one))).toBe('rolled-back')
  expect(await firstLook(6)).toBe('taken')
  expect(await firstLook(2, at(other))).toBe('taken')
  expect(await firstLook(8, at(one))).toBe('taken')
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ [one]: 8, [other]: 2 })
})

test('a lower serial never replaces a higher one that another process saw', () => {
  const late = at('https://one.example')
  at('https://one.example').save(9)
  late.save(8)
  expect(late.load()).toBe(9)
})

test.each(['', '[]', '{"https://one.example":-1}', '{"https://one.example":"7"}'])('%j is refused', (text) => {
  writeFileSync(file(), text)
  expect(() => at('https://one.example').load()).toThrow(expect.objectContaining({ code: 'bad-encoding' }))
})

test('a disk that takes nothing is told of, and stops no look', async () => {
  const told: boolean[] = []
  const remembered = tolerant(serialsIn(join(folder, 'nowhere', 'serials.json'), 'a'), (fails) => told.push(fails))
  expect([await firstLook(7, remembered), told]).toEqual(['taken', [true]])
})
