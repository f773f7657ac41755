import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, walk } from './walk.ts'

const doors = ['relay/main.ts', 'relay/worker.ts']
const rooms =
  /^(relay\/|shared\/(bytes\.ts|refusal\.ts|http\/|limits\/|shaping\/|privacy-pass\/|store\/|observability\/|config\/|upstream\/|launch\/))/
const decrypting = /^(hpke|@hpke\/|@panva\/hpke|@noble\/(ciphers|curves)|@cloudflare\/blindrsa-ts|sjcl|bhttp-js|ohttp)/
// Curve arithmetic with which the gateway redeems tokens of type 1; the relay, which takes type 2 only, reaches none of it.
const gatewayOnly = ['@noble/curves']
const secretVerbs = /\b(decapsulate|diffieHellman|createDecipheriv|privateDecrypt|createECDH|createPrivateKey|subtle)\b/

describe.each(doors)('%s', (door) => {
  const reached = walk([door])

  test('walks a real house, not an empty one', () => {
    expect(reached.files.size).toBeGreaterThan(8)
  })

  test('reaches only the rooms a relay may hold', () => {
    expect([...reached.files].filter((file) => !rooms.test(file))).toEqual([])
  })

  test('reaches no package that can decrypt', () => {
    expect([...reached.bare].filter((name) => decrypting.test(name))).toEqual([])
  })

  test('calls no function that opens a sealed message', () => {
    const guilty = [...reached.files].filter((file) => secretVerbs.test(readFileSync(join(root, file), 'utf8')))
    expect(guilty).toEqual([])
  })
})

test('a dynamic, bare or re-exported import would be found', () => {
  const planted: Record<string, string> = {
    'relay/main.ts': "import './a.ts'\nexport * from \"./b.ts\"\nconst late = () => import('./c.ts')",
    'relay/a.ts': "import 'hpke'",
    'relay/b.ts': "export { x } from '../shared/ohttp/request.ts'",
    'relay/c.ts': '',
    'shared/ohttp/request.ts': '',
  }
  const reached = walk(['relay/main.ts'], (file) => planted[file] ?? '')
  expect([...reached.files].sort()).toEqual(Object.keys(planted).sort())
  expect([...reached.bare]).toEqual(['hpke'])
})

test('an import that hides its name is an error', () => {
  expect(() => walk(['relay/main.ts'], () => 'await import(name)')).toThrow('cannot be read off')
})

test('no production dependency of the servers can decrypt', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const able = Object.keys(manifest.dependencies).filter((name) => decrypting.test(name))
  expect(able.filter((name) => !gatewayOnly.includes(name))).toEqual([])
  const reached = doors.flatMap((door) => [...walk([door]).bare])
  expect(reached.filter((name) => gatewayOnly.some((only) => name.startsWith(only)))).toEqual([])
})
