/** The Kustomize bases: each object against Kubernetes' own schema, and read for what keeps a pod shut and the two operators apart. */
import { execFile, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { gatewayDefinition } from '../../gateway/config.ts'
import { relayDefinition } from '../../relay/config.ts'
import { readSettings } from '../../shared/config/read.ts'
import { root } from '../house/walk.ts'
import { havePromtool, promtool } from './observed/promtool.ts'

type Item = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> }
  readonly spec: Record<string, unknown>
}
type Model = new (item: unknown) => { validate(): void }
type Kustomization = {
  readonly namespace: string
  readonly resources: readonly string[]
  readonly configMapGenerator: readonly { readonly files: readonly string[] }[]
}

const settings = {
  relay: (text: string) => readSettings(relayDefinition, { text, source: 'relay.yaml' }),
  gateway: (text: string) => readSettings(gatewayDefinition, { text, source: 'gateway.yaml' }),
}
const folderOf = (service: string): string => join(root, 'deploy', service, 'kubernetes')
const kustomizationOf = (service: string): Kustomization =>
  parse(readFileSync(join(folderOf(service), 'kustomization.yaml'), 'utf8')) as Kustomization

/** The files that become objects of their own: `file` or `name=file`. */
const handed = (service: string): string[] =>
  kustomizationOf(service).configMapGenerator.flatMap(({ files }) =>
    files.map((file) => file.split('=').at(-1) ?? file),
  )

function itemsOf(service: string): Item[] {
  return kustomizationOf(service).resources.flatMap((file) =>
    parseAllDocuments(readFileSync(join(folderOf(service), file), 'utf8')).map((one) => one.toJS() as Item),
  )
}

/** `apps/v1`, `v1`, `networking.k8s.io/v1`: modules of the same names. */
async function checked(item: object): Promise<string> {
  const { apiVersion, kind } = item as Item
  const models = (await import(`kubernetes-models/${apiVersion}`)) as Record<string, Model | undefined>
  const model = models[kind]
  if (model === undefined) return `no ${kind} in ${apiVersion}`
  try {
    new model(item).validate()
    return 'ok'
  } catch (error) {
    return error instanceof Error ? error.message : 'refused'
  }
}

describe.each(['relay', 'gateway'] as const)('%s', (service) => {
  const items = itemsOf(service)
  const one = (kind: string): Item => items.find((item) => item.kind === kind) ?? expect.fail(`no ${kind}`)
  const pod = (one('Deployment').spec['template'] as { spec: Record<string, unknown> }).spec
  const job = items.find(({ kind }) => kind === 'CronJob')?.spec as
    { jobTemplate: { spec: { template: { spec: Record<string, Record<string, unknown>[]> } } } } | undefined
  const turning = job?.jobTemplate.spec.template.spec
  const containers = pod['containers'] as Record<string, unknown>[]
  const all = [...containers, ...(turning?.['containers'] ?? []), ...(turning?.['initContainers'] ?? [])]

  test.each(items.map((item) => [`${item.kind} ${item.metadata.name}`, item] as const))(
    '%s is valid',
    async (_, item) => {
      expect(await checked(item)).toBe('ok')
      expect(await checked({ ...item, metadata: { name: 7 } })).toMatch(/name/)
    },
  )

  test('there is all that an operator expects', () => {
    const kinds = items.map(({ kind }) => kind)
    for (const kind of ['Namespace', 'Deployment', 'Service', 'HorizontalPodAutoscaler', 'PodDisruptionBudget']) {
      expect(kinds).toContain(kind)
    }
    expect(kinds).toContain('NetworkPolicy')
    expect(
      readdirSync(folderOf(service))
        .filter((file) => file.endsWith('.yaml'))
        .sort(),
    ).toEqual([...kustomizationOf(service).resources, 'kustomization.yaml', ...handed(service)].sort())
  })

  test('the sample settings are taken', () => {
    const { origins } = settings[service](readFileSync(join(folderOf(service), `${service}.yaml`), 'utf8'))
    expect(origins.length).toBeGreaterThan(10)
  })

  if (service === 'gateway')
    test('so are those of the job that turns keys, which signs and serves nothing', () => {
      const text = readFileSync(join(folderOf(service), 'turner.yaml'), 'utf8')
      const { settings: turner } = readSettings(gatewayDefinition, { text, source: 'turner.yaml' })
      expect([turner.keys.file, turner.bundle.signer]).toEqual(['state/keys.json', 'credential:bundle.skey'])
      const serving = readFileSync(join(folderOf(service), 'gateway.yaml'), 'utf8')
      const { keys, bundle, store } = readSettings(gatewayDefinition, {
        text: serving,
        source: 'gateway.yaml',
      }).settings
      expect([keys.from, bundle.signer, store.kind]).toEqual(['credential:keys.json', undefined, 'valkey'])
    })

  test('the pod is shut: nobody’s user, no capabilities, nothing to write to, no account of the cluster', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    })
    for (const container of all) {
      expect(container['securityContext']).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
    expect(one('Namespace').metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' })
  })

  test('scaling, budget, service and policy speak of these pods', () => {
    const labels = { app: `asunder-${service}` }
    expect(one('Deployment').spec).toMatchObject({
      selector: { matchLabels: labels },
      template: { metadata: { labels } },
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    })
    expect(one('Service').spec['selector']).toEqual(labels)
    expect(one('PodDisruptionBudget').spec).toMatchObject({ selector: { matchLabels: labels } })
    expect(one('HorizontalPodAutoscaler').spec).toMatchObject({
      scaleTargetRef: { kind: 'Deployment', name: one('Deployment').metadata.name },
    })
  })

  if (service === 'gateway')
    test('only the turning sees the signing key, and only the handing out the account', () => {
      const mountsOf = (name: string): string[] =>
        all
          .filter((container) => container['name'] === name)
          .flatMap((container) => (container['volumeMounts'] as { name: string }[]).map((mount) => mount.name))
      expect(mountsOf('turn')).toContain('signer')
      expect(mountsOf('turn')).not.toContain('account')
      expect(mountsOf('hand-out')).toContain('account')
      expect([...mountsOf('hand-out'), ...mountsOf('gateway')]).not.toContain('signer')
    })

  test('what watches it is in the pod, where the private listener is, and what outlives a crash has a place', () => {
    const mounts = (name: string): string[] =>
      (containers.find((one) => one['name'] === name)?.['volumeMounts'] as { mountPath: string }[]).map(
        ({ mountPath }) => mountPath,
      )
    expect(mounts(service)).toContain('/etc/asunder/state')
    expect(mounts('agent')).toEqual(['/etc/prometheus', '/data'])
    const port = /^admin: \{ port: (\d+) \}$/m.exec(
      readFileSync(join(folderOf(service), `${service}.yaml`), 'utf8'),
    )?.[1]
    const agent = parse(readFileSync(join(folderOf(service), 'agent.yaml'), 'utf8')) as {
      scrape_configs: { static_configs: object }[]
    }
    expect(agent.scrape_configs).toHaveLength(2)
    for (const { static_configs: at } of agent.scrape_configs) expect(at).toEqual([{ targets: [`127.0.0.1:${port}`] }])
  })

  test.skipIf(!havePromtool)('Prometheus takes the settings of the agent (needs promtool)', () => {
    expect(promtool(['check', 'config', '--agent', join(folderOf(service), 'agent.yaml')])).toMatchObject({ status: 0 })
  })

  test('the private listener is on no port of pod or service', () => {
    const text = JSON.stringify([one('Service').spec, containers.map((container) => container['ports'])])
    expect(text).not.toMatch(/946\d|metrics|admin/)
  })
})

test('the two share no namespace, no name of a secret and no image', () => {
  const words = (service: string): Set<string> => {
    const pod = itemsOf(service).find(({ kind }) => kind === 'Deployment')?.spec['template']
    const found = JSON.stringify(pod).matchAll(/"(?:secretName|image|name)":"([^"]+)"/g)
    return new Set([kustomizationOf(service).namespace, ...[...found].map(([, word]) => word ?? '')])
  }
  const common = [...words('relay')].filter((word) => words('gateway').has(word))
  // places inside one pod, of which the other knows nothing; and what watches both is the same program
  expect(common.sort()).toEqual([
    ...['CREDENTIALS_DIRECTORY', 'agent', 'certificates', 'credentials', 'https'],
    ...['prometheus', 'settings', 'state', 'watch', 'watched'],
  ])
})

const kustomizes = spawnSync('kubectl', ['kustomize', '--help']).status === 0
if (!kustomizes) process.stderr.write('skipped: kustomize (no kubectl; Debian: apt-get install kubernetes-client)\n')

describe.skipIf(!kustomizes)('kustomize', () => {
  const run = promisify(execFile)

  test.each(['relay', 'gateway'])('renders %s, all of it in its namespace', async (service) => {
    const { stdout } = await run('kubectl', ['kustomize', folderOf(service)])
    const rendered = parseAllDocuments(stdout).map((doc) => doc.toJS() as Item & { metadata: { namespace?: string } })
    expect(rendered.length).toBe(itemsOf(service).length + kustomizationOf(service).configMapGenerator.length)
    const { namespace } = kustomizationOf(service)
    const elsewhere = rendered.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== namespace)
    expect(elsewhere).toEqual([])
  })
})
