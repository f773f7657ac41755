/** The examples that operators start from, and the pages made from rows: taken by the services, whole, and current. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isMap, isSeq, parseDocument } from 'yaml'
import { gatewayDefinition } from '../../gateway/config.ts'
import { agentSettings, readAgentSettings } from '../../gateway/cvm/config.ts'
import { relayDefinition } from '../../relay/config.ts'
import { credentialOf } from '../../shared/config/file-kinds.ts'
import { pathIn } from '../../shared/config/files.ts'
import { readSettings, type Definition, type Reading } from '../../shared/config/read.ts'
import { listed, type Rows } from '../../shared/config/rows.ts'
import { defaultOf } from '../../shared/config/value.ts'
import { pages } from '../house/settings-pages.ts'
import { root } from '../house/walk.ts'

let folder = ''
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'asunder-examples-'))))
afterAll(() => rmSync(folder, { recursive: true }))

/** As `config check` does, with every file there that the example names. */
function checked<G extends Rows>(definition: Definition<G>, text: string): Reading<G> {
  const places = { folder, credentials: join(folder, 'credentials') }
  const { origins } = readSettings(definition, { text, source: 'example' })
  for (const { row, value } of origins) {
    const names = row.kind.file === undefined || value === undefined ? [] : [value].flat()
    for (const name of names as string[]) {
      const path = pathIn(places, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, '', { mode: 0o600 })
    }
  }
  return readSettings(definition, { text, source: 'example', places })
}

/** Paths of every value, `[]` for each place in a list of groups. */
function pathsIn(node: unknown, above = ''): string[] {
  if (isMap(node))
    return node.items.flatMap(({ key, value }) =>
      pathsIn(value, above === '' ? String(key) : `${above}.${String(key)}`),
    )
  if (isSeq(node) && node.items.some(isMap)) return node.items.flatMap((item) => pathsIn(item, `${above}[]`))
  return [above]
}

/** The same file with everything switched on that is behind a bare `#`, or behind one in what another switched off. */
function switchedOn(text: string): string {
  const on = text.replace(/^( *)#(?! \S)/gm, '$1')
  return on === text ? text : switchedOn(on)
}

const services = [
  { service: 'relay', rows: relayDefinition.rows, check: (text: string) => checked(relayDefinition, text) },
  { service: 'gateway', rows: gatewayDefinition.rows, check: (text: string) => checked(gatewayDefinition, text) },
]

describe.each(services)('deploy/$service', ({ service, rows, check }) => {
  const example = (name: string): string => readFileSync(join(root, 'deploy', service, `${name}.yaml`), 'utf8')

  test('basic is short, and is taken', () => {
    const text = example('basic')
    expect(text.split('\n').length).toBeLessThan(30)
    const { origins } = check(text)
    const secrets = origins.filter(({ row, value }) => row.kind.file?.secret === true && value !== undefined)
    expect(secrets.length).toBeGreaterThan(1)
    // What is read and secret comes from systemd; what we write ourselves cannot.
    const read = secrets.filter(({ row }) => row.kind.file?.writes === 'never')
    expect(read.map(({ value }) => credentialOf(value as string)).filter((name) => name === undefined)).toEqual([])
  })

  test('full is taken, and what it gives as a default is one', () => {
    const { origins } = check(example('full'))
    const own = origins.filter(({ row, without }) => row.default !== undefined && without === undefined)
    expect(own.length).toBeGreaterThan(20)
    expect(own.map(({ path, value }) => [path, value])).toEqual(
      own.map(({ path, row }) => [path, defaultOf(row)?.value]),
    )
    expect(own.filter(({ from }) => from === 'default').map(({ path }) => path)).toEqual([])
  })

  test('full names every setting once', () => {
    const document = parseDocument(switchedOn(example('full')))
    expect(document.errors).toEqual([])
    expect(pathsIn(document.contents).sort()).toEqual(
      listed(rows)
        .map(({ path }) => path)
        .sort(),
    )
  })

  test('what full has switched off would be taken, setting for setting', () => {
    const { contents } = parseDocument(switchedOn(example('full')))
    const off = listed(rows).filter(({ row }) => row.default === undefined)
    expect(off.length).toBeGreaterThan(5)
    for (const { path, row } of off) {
      const steps = path
        .replaceAll('[]', '.0')
        .split('.')
        .map((step) => (step === '0' ? 0 : step))
      const value: unknown = (contents as { getIn(path: unknown[]): unknown }).getIn(steps)
      const given = isSeq(value) ? (value.toJSON() as unknown) : value
      expect([path, row.kind.schema.safeParse(given).success]).toEqual([path, true])
    }
  })
})

test('the examples of the agent are whole, and name all of its settings', () => {
  const folder = join(root, 'deploy/gateway/cvm')
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const texts = names.map((name) => readFileSync(join(folder, name), 'utf8'))
  for (const text of texts) {
    const read = readAgentSettings(text)
    const { rotation, ...keys } = 'keys' in read ? read.keys : { rotation: {} }
    expect('keys' in read ? { ...read, keys: { ...keys, ...rotation } } : read).toEqual(JSON.parse(text))
  }
  const paths = new Set(texts.flatMap((text) => pathsIn(parseDocument(text).contents)))
  expect(new Set(texts.map((text) => readAgentSettings(text).placement)).size).toBe(3)
  expect([...paths].sort()).toEqual(agentSettings.map(([name]) => name).sort())
})

test.each(pages())('$file says what the rows say; npm run readme:settings writes it', ({ file, text }) => {
  expect(readFileSync(join(root, file), 'utf8')).toBe(text)
})
