/** The compose files, checked against their schema, and read for what keeps a container shut. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { root } from '../house/walk.ts'

type Service = Record<string, unknown> & {
  readonly volumes: readonly { readonly source?: string; readonly target: string; readonly read_only?: boolean }[]
}

/** Matters of taste, and an image that is built here and so has no version yet. */
const tastes = [
  'service-keys-order',
  'services-alphabetical-order',
  'no-build-and-image',
  'service-image-require-explicit-tag',
]

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

  test('it holds this service and what watches it: the other is another operator’s', () => {
    expect(Object.keys(services)).toEqual([name, 'prometheus'])
  })

  test('what watches is where the private listener is, is asked for, and shows itself to nobody', () => {
    const { prometheus } = services
    expect(prometheus).toMatchObject({ profiles: ['watch'], network_mode: `service:${name}` })
    expect([prometheus?.['ports'], prometheus?.['command']]).toEqual([
      undefined,
      expect.arrayContaining(['--web.listen-address=127.0.0.1:9090']),
    ])
    const listed = prometheus?.volumes.map(({ source }) => source).filter((source) => source?.startsWith('./'))
    expect(listed?.map((path) => existsSync(join(root, 'deploy', name, path ?? '')))).toEqual([true, true])
    const settings = readFileSync(join(root, `deploy/${name}/basic.yaml`), 'utf8')
    const { scrape_configs: scrapes } = parse(readFileSync(join(root, `deploy/${name}/prometheus.yml`), 'utf8')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[]
    }
    const port = /^admin:\s*(?:\{ )?port: (\d+)/m.exec(settings)?.[1]
    for (const { static_configs: at } of scrapes) expect(at).toEqual([{ targets: [`127.0.0.1:${port}`] }])
  })

  test('a mistake in the settings is not started again for ever', () => {
    for (const { restart } of Object.values(services)) expect(restart).toMatch(/^on-failure:\d$/)
  })

  test.each(Object.entries(services))('the container of %s is shut: nobody’s user, no dumps', (_, service) => {
    expect(service).toMatchObject({
      user: '65532:65532',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      ulimits: { core: 0 },
    })
    expect(service['mem_limit']).toBe(service['memswap_limit'])
  })

  test('only what has to outlive the process can be written', () => {
    const writable = service?.volumes.filter((volume) => volume.read_only !== true).map(({ target }) => target)
    expect(writable).toEqual(['/etc/asunder/state'])
  })

  test('secrets come as files, none as a variable', () => {
    expect(service?.['environment']).toEqual({ CREDENTIALS_DIRECTORY: '/run/credentials' })
  })
})
