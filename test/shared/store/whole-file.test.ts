/** Files that are replaced whole: whose they are before, they are after. Two users are needed, so root alone can look. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { replaceFile } from '../../../shared/store/whole-file.ts'
import { root } from '../../house/walk.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whole-'))
  file = join(folder, 'a.txt')
})
afterEach(() => rmSync(folder, { recursive: true }))

const about = (name: string) => {
  const { uid, gid, mode } = statSync(name)
  return { uid, gid, mode: mode & 0o777 }
}

test('what was there is gone, what is new is whole, and nothing lies beside it', () => {
  replaceFile(file, 'one')
  replaceFile(file, 'two')
  expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual(['two', ['a.txt']])
})

test('what somebody laid beside it is not written through', () => {
  const other = join(folder, 'other.txt')
  writeFileSync(other, 'mine')
  symlinkSync(other, `${file}.new`)
  replaceFile(file, 'secret')
  expect([readFileSync(file, 'utf8'), readFileSync(other, 'utf8')]).toEqual(['secret', 'mine'])
})

test.each([
  ['a first file has the mode that is asked for', undefined, 0o644, 0o644],
  ['a stricter mode of the operator stays', 0o600, 0o644, 0o600],
  ['a looser one does not', 0o666, 0o600, 0o600],
])('%s', (_, before, asked, after) => {
  if (before !== undefined) {
    writeFileSync(file, 'old')
    chmodSync(file, before)
  }
  replaceFile(file, 'new', asked)
  expect(about(file).mode).toBe(after)
})

const isRoot = process.getuid?.() === 0
if (!isRoot) process.stderr.write('skipped: files of two users (not root)\n')

describe.skipIf(!isRoot)('between two users (needs root)', () => {
  const service = { uid: 65501, gid: 65501 }

  test('root leaves the file of a service to the service', () => {
    writeFileSync(file, 'old', { mode: 0o600 })
    chownSync(file, service.uid, service.gid)
    replaceFile(file, 'new')
    expect([readFileSync(file, 'utf8'), about(file)]).toEqual(['new', { ...service, mode: 0o600 }])
  })

  test('and a first file in its folder too', () => {
    chownSync(folder, service.uid, service.gid)
    replaceFile(file, 'new')
    expect(about(file)).toEqual({ ...service, mode: 0o600 })
  })

  test('anybody else is refused by name, and changes nothing', () => {
    writeFileSync(file, 'old', { mode: 0o644 })
    chownSync(file, service.uid, service.gid)
    chmodSync(folder, 0o777)
    const module = pathToFileURL(join(root, 'shared/store/whole-file.ts')).href
    const code = `import { replaceFile } from '${module}'; replaceFile(process.argv[1], 'new')`
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code, file], {
      encoding: 'utf8',
      uid: 65502,
      gid: 65502,
    })
    expect(status).toBe(1)
    expect(stderr).toContain('it belongs to user 65501 and we are 65502; run this as that user')
    expect([readFileSync(file, 'utf8'), about(file), readdirSync(folder)]).toEqual([
      'old',
      { ...service, mode: 0o644 },
      ['a.txt'],
    ])
  })
})
