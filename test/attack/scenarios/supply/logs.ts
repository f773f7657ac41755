/** S01-S03, S05: what was released, and whether everybody was shown the same. trust.md 1, 2 and 4; attestation.md d. */
import { createHash } from 'node:crypto'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AttestedBundle } from '../../../../shared/attestation/bundle-fields.ts'
import { createObliviousFetch } from '../../../../shared/client/index.ts'
import { serializeKeyConfigs } from '../../../../shared/ohttp/key-config.ts'
import { fleet, type Fleet } from '../../../shared/attestation/fleet.ts'
import { ledger } from '../../../shared/attestation/ledger.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { NotThere } from '../../pair/subject.ts'
import { newKey, shown } from '../../roles/directory.ts'
import { deliver } from '../../roles/relay.ts'
import { loopback } from '../../roles/trap.ts'
import { demand, hour } from '../common.ts'

const onClient = {
  ...{
    ...inFront,
    placements: ['sealed'],
    severity: 8,
    score: 'B',
    expects: ['BLOCKED'],
    subject: ['client'],
    quick: true,
  },
  withoutNaive: 'the naive client takes keys from whoever shows them, as R12 shows; it looks at no log',
  control: loggedIsTaken,
} as const satisfies Partial<Scenario>

export const logScenarios: readonly Scenario[] = [
  {
    ...onClient,
    id: 'S01',
    title: 'a release that no log has',
    given: 'the policy keys of the publisher, stolen',
    does: 'signs a policy and shows it with the proof of another, without proof, and with one of a log of its own',
    shows: 'the client refuses: what is not logged does not count',
    attack: unlogged,
  },
  {
    ...onClient,
    id: 'S02',
    title: 'a log with two faces',
    given: 'the key of the log, stolen',
    does: 'makes a tree for the victim, which one witness of three has cosigned, and then none',
    shows: 'the client refuses: the quorum is two',
    attack: split,
  },
  {
    ...onClient,
    id: 'S03',
    title: 'a step back',
    given: 'everything that was rightly signed last week',
    does: 'shows an older policy under today’s statement, an older statement, and an older bundle',
    shows: 'the client refuses each',
    attack: rolledBack,
  },
  {
    ...{ ...inFront, id: 'S05', severity: 8, score: 'B', expects: ['BLOCKED'], subject: [], quick: false },
    title: 'a package that changed after it was locked',
    given: 'the registry’s file of a dependency',
    does: 'alters one file in the package and offers it under the same version',
    shows: 'the installation ends with EINTEGRITY; and every package of our own lock has such a digest',
    withoutNaive: 'nobody installs the naive pair',
    control: (stage) =>
      installed(stage, false).then((text) => demand(text === '', `the package as locked installs: ${text}`)),
    attack: altered,
  },
]

async function honest(): Promise<{ readonly ships: Fleet; readonly bundle: AttestedBundle }> {
  const ships = await fleet({ at: Math.floor(Date.now() / 1000) * 1000, placement: 'sealed' })
  const entry = await ships.entry(serializeKeyConfigs([newKey().config]).slice(2))
  return { ships, bundle: await ships.bundle([entry]) }
}

type Memory = { load: () => string | undefined; save: (text: string) => void }

/** What a client says to the texts of bundles that it is shown, one after the other: a code, or `taken`. */
async function told(
  stage: Stage,
  ships: Fleet,
  bundles: readonly AttestedBundle[],
  memory?: Memory,
): Promise<readonly string[]> {
  const codes: string[] = []
  for (const bundle of bundles) {
    const text = await ships.signed(bundle)
    const { port } = await loopback(stage, (_request, response) => deliver(response, shown(text)))
    const { rootNote: trust, allowSimulated } = ships
    const common = {
      relay: `http://127.0.0.1:${port}/`,
      trust,
      allowSimulated,
      placement: 'sealed',
      plaintextLoopback: true,
    } as const
    const client = createObliviousFetch({
      ...common,
      wait: () => Promise.resolve(),
      ...(memory === undefined ? {} : { memory }),
    })
    codes.push(
      await client.ready().then(
        () => 'taken',
        (cause: unknown) => codeOf(cause),
      ),
    )
    await client.close()
  }
  return codes
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
}

function verdict(names: readonly string[], codes: readonly string[]): Finding {
  const taken = names.filter((_, at) => codes[at] === 'taken')
  return taken.length > 0
    ? exposed(`taken: ${taken.join(', ')}`)
    : blocked(names.map((name, at) => `${name}: ${codes[at] ?? ''}`).join(', '))
}

async function loggedIsTaken(stage: Stage): Promise<void> {
  const { ships, bundle } = await honest()
  const [code] = await told(stage, ships, [bundle])
  demand(code === 'taken', `what is logged is taken, but ${code ?? ''}`)
}

async function unlogged(stage: Stage): Promise<Finding> {
  const { ships, bundle } = await honest()
  const other = await ships.notes({ serial: 43 })
  const foreign = await ledger()
  foreign.add(new TextEncoder().encode('anything'))
  const proof = await foreign.proof(new TextEncoder().encode('anything'), [
    [0, Date.now()],
    [1, Date.now()],
  ])
  const codes = await told(stage, ships, [
    { ...bundle, policyProof: other.policyProof },
    { ...bundle, policyProof: '' },
    { ...bundle, policyProof: proof },
  ])
  return verdict(['the proof of another', 'no proof', 'a log of its own'], codes)
}

async function split(stage: Stage): Promise<Finding> {
  const { ships, bundle } = await honest()
  const leaf = new TextEncoder().encode('a leaf for the victim')
  ships.log.add(leaf)
  const time = Math.floor(Date.now() / 1000) * 1000 - hour
  const [entry] = bundle.cvms
  demand(entry !== undefined, 'an entry')
  const anchors = await Promise.all([
    ships.log.note([[0, time]]),
    ships.log.note([]),
    ships.log.note([
      [0, time],
      [0, time],
    ]),
  ])
  const bundles = await Promise.all(
    anchors.map(async (anchor) => ({ ...bundle, cvms: [await ships.entry(entry.keyConfig, { said: { anchor } })] })),
  )
  return verdict(['one witness', 'no witness', 'one witness twice'], await told(stage, ships, bundles))
}

async function rolledBack(stage: Stage): Promise<Finding> {
  const { ships, bundle } = await honest()
  let text: string | undefined
  const memory: Memory = { load: () => text, save: (next) => void (text = next) }
  const newer = await ships.notes({ serial: 43 })
  const stale = await ships.notes({ serial: 42, time: Math.floor(Date.now() / 1000) * 1000 - 40 * hour })
  const [first] = await told(stage, ships, [{ ...bundle, serial: 9 }], memory)
  demand(first === 'taken', `the newer one is taken, but ${first ?? ''}`)
  const codes = await told(
    stage,
    ships,
    [
      { ...bundle, serial: 10, statement: newer.statement },
      { ...bundle, serial: 10, statement: stale.statement },
      { ...bundle, serial: 8 },
    ],
    memory,
  )
  return verdict(['an older policy', 'a statement of two days ago', 'an older bundle'], codes)
}

async function altered(stage: Stage): Promise<Finding> {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly integrity?: string; readonly link?: boolean }>>
  }
  const bare = Object.entries(lock.packages).filter(
    ([name, { integrity }]) => name !== '' && integrity?.startsWith('sha512-') !== true,
  )
  if (bare.length > 0)
    return exposed(
      `without a digest: ${bare
        .map(([name]) => name)
        .slice(0, 3)
        .join(', ')}`,
    )
  const text = await installed(stage, true)
  if (text === '') return exposed('the altered package was installed')
  if (!text.includes('EINTEGRITY')) return exposed(`it ended, but not for its digest: ${text.slice(0, 120)}`)
  return blocked(`EINTEGRITY; ${Object.keys(lock.packages).length - 1} packages of ours are locked so`)
}

/** Empty when npm installed the package, else what it said. The only registry that it knows is one on this machine. */
async function installed(stage: Stage, altered: boolean): Promise<string> {
  const folder = stage.folder()
  const source = join(folder, 'package')
  mkdirSync(source)
  const pack = async (word: string): Promise<Buffer> => {
    writeFileSync(join(source, 'index.js'), `export default ${JSON.stringify(word)}\n`)
    writeFileSync(join(source, 'package.json'), JSON.stringify({ name: 'lkt', version: '1.0.0' }))
    await ran('tar', ['-czf', 'lkt.tgz', 'package'], folder)
    return readFileSync(join(folder, 'lkt.tgz'))
  }
  const released = await pack('as released')
  const offered = altered ? await pack('as altered') : released
  const { port } = await loopback(stage, (_request, response) => void response.writeHead(200).end(offered))
  const registry = `http://127.0.0.1:${port}/`
  const integrity = `sha512-${createHash('sha512').update(released).digest('base64')}`
  const top = { name: 'top', version: '1.0.0', dependencies: { lkt: '1.0.0' } }
  const packages = {
    '': top,
    'node_modules/lkt': { version: '1.0.0', resolved: `${registry}lkt-1.0.0.tgz`, integrity },
  }
  const inside = join(folder, 'top')
  mkdirSync(inside)
  writeFileSync(join(inside, 'package.json'), JSON.stringify(top))
  writeFileSync(
    join(inside, 'package-lock.json'),
    JSON.stringify({ name: 'top', version: '1.0.0', lockfileVersion: 3, requires: true, packages }),
  )
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=0', `--cache=${join(folder, 'cache')}`]
  return ran('npm', ['ci', `--registry=${registry}`, ...quiet], inside)
}

function ran(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // Without what an `npm run` around us would say to an npm inside it.
    const env = { PATH: process.env['PATH'], HOME: cwd }
    execFile(command, args, { cwd, env, timeout: 20_000 }, (error, stdout, stderr) => {
      if (error === null) resolve('')
      else if (error.code === 'ENOENT') reject(new NotThere(`${command} is not installed`))
      else resolve(`${stdout}${stderr}`)
    })
  })
}
