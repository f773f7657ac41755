/** Files that settings name: there, ours, and closed to others where they hold a secret. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { credentialOf } from '../../../shared/config/file-kinds.ts'
import { pathIn } from '../../../shared/config/files.ts'
import { least, mistakes } from './table.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'asunder-files-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  put('own.key', 0o600)
  put('own.pem', 0o644)
})

function put(name: string, mode: number): void {
  writeFileSync(join(folder, name), 'x')
  chmodSync(join(folder, name), mode)
}

const tls = (key: string, cert = 'own.pem') =>
  `listen: { port: 1, tls: { key: '${key}', cert: '${cert}' } }\nways: [{ to: a }]\n`
const told = (text: string, credentials?: string) => mistakes(text, { places: { folder, credentials } })

test.each([0o600, 0o400])('a secret with mode %o is taken, and a certificate that all may read', (mode) => {
  put('own.key', mode)
  expect(told(tls('own.key'))).toEqual([])
  expect(told(tls(join(folder, 'own.key')))).toEqual([])
})

test.each([0o640, 0o604, 0o660, 0o606, 0o644, 0o620, 0o601])('a secret with mode %o is refused', (mode) => {
  put('own.key', mode)
  const shown = `0${mode.toString(8)}`
  expect(told(tls('own.key'))).toEqual([
    `thing.yaml:1:32: listen.tls.key: ${folder}/own.key holds a secret and is open to others (mode ${shown}). ` +
      `Run chmod 600 ${folder}/own.key, and replace the secret if others had it.`,
  ])
})

test('a link is judged by the file that it leads to', () => {
  put('own.key', 0o644)
  symlinkSync(join(folder, 'own.key'), join(folder, 'link.key'))
  expect(told(tls('link.key'))).toEqual([expect.stringContaining('link.key holds a secret and is open to others')])
})

test('every file is looked at, and nothing is when nobody asks', () => {
  expect(told(tls('no.key', 'no.pem'))).toEqual([
    expect.stringContaining(`listen.tls.key: takes the name of a file, from ${folder}, and this names none`),
    expect.stringContaining(`listen.tls.cert: there is no file ${folder}/no.pem`),
  ])
  expect(mistakes(tls('no.key', 'no.pem'))).toEqual([])
})

test('what may be the secret itself is not quoted, and the remedy says to put it into a file', () => {
  const lines = [...told(tls('hunter2')), ...told(`${least}state: hunter2/x`), ...told(tls('/hunter2/x'))]
  expect(lines).toHaveLength(3)
  expect(lines.join()).not.toContain('hunter2')
  expect(lines[0]).toContain('Put the secret into a file with mode 0600 or a systemd credential')
})

test('a folder is no file', () => {
  expect(told(tls('own.key', '.'))).toEqual([expect.stringContaining(`listen.tls.cert: ${folder} is a folder`)])
})

describe('files that we write', () => {
  test('need a folder, not yet a file', () => {
    expect(told(`${least}state: new.json\nlog: new.log`)).toEqual([])
    expect(told(`${least}log: nowhere/new.log`)).toEqual([
      expect.stringContaining(`log: the folder ${folder}/nowhere is not there for this user to use`),
    ])
  })

  test('are closed to others once they are there, if they hold secrets', () => {
    put('state.json', 0o644)
    put('new.log', 0o644)
    expect(told(`${least}state: state.json\nlog: new.log`)).toEqual([
      expect.stringContaining('state.json holds a secret and is open to others (mode 0644)'),
    ])
  })

  test('are not the same, and not one that is read', () => {
    const text = `${tls('own.key')}state: own.key\nlog: ./new.log`
    expect(told(text)).toEqual([
      expect.stringContaining('listen.tls.key: names the same file as state'),
      expect.stringContaining('state: names the same file as listen.tls.key'),
    ])
  })
})

describe('credentials', () => {
  test.each([0o400, 0o440])('with mode %o are taken: systemd shows its ACL there', (mode) => {
    mkdirSync(join(folder, 'credentials'))
    put('credentials/own', mode)
    expect(told(tls('credential:own'), join(folder, 'credentials'))).toEqual([])
  })

  test('that everybody may read are refused', () => {
    put('own', 0o444)
    expect(told(tls('credential:own'), folder)).toEqual([expect.stringContaining('own holds a secret and is open')])
  })

  test('without a directory of credentials are refused, with what to do', () => {
    expect(told(tls('credential:own'))).toEqual([
      expect.stringContaining('$CREDENTIALS_DIRECTORY is not set. Start it by systemd with LoadCredential=own:FILE'),
    ])
    expect(() => pathIn({ folder, credentials: undefined }, 'credential:own')).toThrow(TypeError)
  })

  test('that are not there are refused', () => {
    expect(told(tls('credential:gone'), folder)).toEqual([expect.stringContaining(`there is no file ${folder}/gone`)])
  })

  test.each([
    ['credential:a.key', 'a.key'],
    ['credential:..', undefined],
    ['credential:a/b', undefined],
    ['a.key', undefined],
  ])('%s names %s', (name, credential) => {
    expect(credentialOf(name)).toBe(credential)
  })
})
