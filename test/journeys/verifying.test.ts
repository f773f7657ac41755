/** gateway/cvm/VERIFYING.md, walked by somebody who has a trust root and a relay's address: its own commands, in its own order. */
import { sha256 } from '@noble/hashes/sha2.js'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cvmId } from '../../shared/attestation/bundle-fields.ts'
import { signBundle } from '../../shared/attestation/bundle.ts'
import { keyBinding } from '../../shared/attestation/key-evidence.ts'
import { reportData } from '../../shared/attestation/report-data.ts'
import { signStatement } from '../../shared/attestation/serial-statement.ts'
import { policySha256, signPolicy, verifyPolicy } from '../../shared/attestation/signed-policy.ts'
import { main } from '../../shared/client/commands/main.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { writeKeyConfig } from '../../shared/ohttp/key-config.ts'
import { anchorOfNote } from '../../shared/tlog/anchor.ts'
import { timeText } from '../../shared/tlog/json-fields.ts'
import { parseNote } from '../../shared/tlog/note.ts'
import { generateSigner } from '../../shared/tlog/signer.ts'
import { newKey } from '../gateway/town.ts'
import { root as project } from '../house/walk.ts'
import { listOf } from '../shared/attestation/fleet.ts'
import { hardwareJson, identityLeaf, judged } from '../shared/attestation/machine.ts'
import { hour, now } from '../shared/attestation/makers.ts'
import { build, digest, house, leafOf, policyJson, role } from '../shared/attestation/policies.ts'
import { ask } from '../shared/attestation/sev-snp/forge.ts'
import { newTerminal } from '../shared/client/terminal.ts'
import { serve } from '../shared/client/town.ts'

const page = readFileSync(join(project, 'gateway/cvm/VERIFYING.md'), 'utf8')
const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines = '']) => lines.trim().split('\n'))
const commands = blocks.flat().filter((line) => line.startsWith('asunder '))

const folder = mkdtempSync(join(tmpdir(), 'asunder-verifying-'))
const relay = { url: '', bundle: '', close: () => Promise.resolve() }
const words: Record<string, string> = {}

afterAll(async () => {
  await relay.close()
  rmSync(folder, { recursive: true })
})

/** One machine that everybody would accept, its image and its policy in the log. */
beforeAll(async () => {
  const publisher = await generateSigner('publisher.example/bundles')
  const at = await house({ vendorRoots: ask().trust.vendorRoots ?? [], bundleKeys: [publisher.key] })
  const { root, log } = at
  const note = await signPolicy(policyJson({ snp: hardwareJson() }), at.releasers)
  const policy = await verifyPolicy(note, { root, now })
  const verdict = await judged(policy, root, now)
  const leaf = identityLeaf(verdict, policy)
  log.add(leafOf(note))
  log.add(leaf)
  const spoken = [
    [0, now - hour],
    [1, now - hour],
  ] as const
  const [keyConfig, anchor] = [writeKeyConfig(newKey().config), await log.note(spoken)]
  const times = { notBefore: now - 300_000, notAfter: now + 5 * hour }
  const bound = { ...times, role, keyConfigSha256: sha256(keyConfig), policySha256: policySha256(parseNote(note).text) }
  const attested = Uint8Array.from(reportData(keyBinding({ ...bound, anchor: anchorOfNote(anchor) })))
  const { evidence } = ask({ report: { reportData: attested } })
  const key = { id: cvmId(keyConfig), layer: 'outer', keyConfig, evidence, anchor, ...times } as const
  const cvms = [{ ...key, policySha256: bound.policySha256, proof: await log.proof(leaf, spoken) }]
  relay.bundle = await signBundle(
    {
      ...{ serial: 7, placement: 'inside', ...times, keys: listOf(cvms), roots: [], cvms },
      ...{ policy: note, policyProof: await log.proof(leafOf(note), spoken) },
      statement: await signStatement({ role, serial: 42, time: now - hour }, at.timestamp),
    },
    [publisher],
  )
  Object.assign(
    relay,
    await serve((_request, response) => {
      response.writeHead(200, { 'content-type': mediaTypes.bundle }).end(relay.bundle)
    }),
  )
  writeFileSync(join(folder, 'root.note'), root.note)
  const [entry] = policy.snp?.measurements ?? []
  Object.assign(words, {
    'https://relay.example/': `${relay.url} --plaintext-loopback`,
    ...{ ID: key.id, ROLE: role, MEASUREMENT: digest, BUILD: build, SVN: String(entry?.minGuestSvn) },
    HOST_DATA: verdict.identity?.hostData ?? '',
    END: timeText(entry?.notAfter ?? 0),
  })
})

/** The command of the page as it is typed, with the places that it leaves open filled in. */
function typed(line: string): string[] {
  const names = Object.keys(words).toSorted((a, b) => b.length - a.length)
  const filled = line.replace(new RegExp(names.join('|'), 'g'), (name) => words[name] ?? '')
  return filled.split(' ').slice(1)
}

async function run(args: readonly string[]) {
  const terminal = newTerminal({
    now: () => now,
    readFile: (path) => readFile(join(folder, path)),
    writeFile: (path, data) => writeFile(join(folder, path), data),
  })
  return { exit: await main(args, terminal), ...terminal.shown }
}

const shows: Readonly<Record<string, RegExp>> = {
  'verify https': /ok .* release in the log: .*[\s\S]*not verified {2}GPU[\s\S]*all checks held/,
  'policy explain': new RegExp(`${digest} until .* of build ${build}`),
  'policy check': /nothing is wrong/,
  'log verify parts/policy': /^may be relied on/m,
  'log leaf': /leaf hash {2}[0-9a-f]{64}/,
  'log verify parts/ID': /^may be relied on/m,
  'verify parts': /ok .* chip: [\s\S]*all checks held/,
  monitor: /no alarm/,
}

describe('the walk', () => {
  test.each(commands)('%s', async (line) => {
    const [, wanted] = Object.entries(shows).find(([start]) => line.startsWith(`asunder ${start}`)) ?? []
    if (wanted === undefined) throw new TypeError('a command that this test expects nothing of')
    if (line.includes('--save parts')) await mkdir(join(folder, 'parts'))
    const { exit, out, err } = await run(typed(line))
    expect([exit, err]).toEqual([0, ''])
    expect(out).toMatch(wanted)
    const leaf = /leaf hash {2}([0-9a-f]{64})/.exec(out)?.[1]
    if (leaf !== undefined) words['LEAF'] ??= leaf
  })

  test('has its eight commands, and each is in the page once', () => {
    expect(commands).toHaveLength(Object.keys(shows).length)
    expect(new Set(commands).size).toBe(commands.length)
  })

  test('ends at the first step that does not hold: another build is no release of this log', async () => {
    const line = commands.find((one) => one.startsWith('asunder log leaf')) ?? ''
    const other = await run(typed(line.replace('BUILD', '00'.repeat(32))))
    const leaf = /leaf hash {2}([0-9a-f]{64})/.exec(other.out)?.[1] ?? ''
    const proof = (commands.find((one) => one.startsWith('asunder log verify parts/ID')) ?? '').replace('LEAF', leaf)
    const { exit, out } = await run(typed(proof))
    expect([exit, out]).toEqual([1, expect.stringContaining('root-mismatch')])
  })
})

test('what the page says of other programs is there', () => {
  const script = readFileSync(join(project, 'deploy/gateway/cvm/image/build.sh'), 'utf8')
  for (const word of ['--base', '--node-sha256', '--app', '--settings', 'artifact for the log', 'manifest.json']) {
    expect(script).toContain(word)
  }
  expect(readFileSync(join(project, 'test/house/cvm-image.ts'), 'utf8')).toContain('As a program it prints them')
})
