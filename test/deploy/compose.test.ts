/** The compose files, checked against their schema, and read for what keeps a container shut. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from '../house/walk.ts'

type Service = Record<string, unknown> & {
  readonly volumes: readonly { readonly target: string; readonly read_only?: boolean }[]
}

/** Matters of taste, and an image that is built here and so has no version yet. */
const tastes = ['service-keys-order', 'no-build-and-image', 'service-image-require-explicit-tag']

describe.each(['relay', 'gateway'])('%s', (name) => {
  const file = `deploy/${name}/compose.yaml`
  const { services } = parse(readFileSync(join(root, file), 'utf8')) as { services: Record<string, Service> }
  const service = services[name]

  test('it keeps to the schema', async () => {
    const bin = join(root, 'node_modules/dclint/bin/dclint.cjs')
    const rules = tastes.flatMap((rule) => ['--disable-rule', rule])
    const { stdout } = await promisify(execFile)(process.execPath, [bin, ...rules, '--max-warnings', '0', file], {
      cwd: root,
    })
    expect(stdout.trim()).toBe('')
  })

  test('it holds this service alone: the other is another operator’s', () => {
    expect(Object.keys(services)).toEqual([name])
  })

  test('the container is shut: nobody’s user, no capabilities, nothing to write to, no dumps', () => {
    expect(service).toMatchObject({
      user: '65532:65532',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      ulimits: { core: 0 },
    })
    expect(service?.['mem_limit']).toBe(service?.['memswap_limit'])
  })

  test('only what has to outlive a gateway can be written', () => {
    const writable = service?.volumes.filter((volume) => volume.read_only !== true).map(({ target }) => target)
    expect(writable).toEqual(name === 'gateway' ? ['/etc/asunder/state'] : [])
  })

  test('secrets come as files, none as a variable', () => {
    expect(service?.['environment']).toEqual({ CREDENTIALS_DIRECTORY: '/run/credentials' })
  })
})
