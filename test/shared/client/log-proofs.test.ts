/** `asunder log verify` and `asunder log audit`: check by check, never 0 for what may not be relied on, evidence kept. */
import { beforeEach, describe, expect, test } from 'vitest'
import { signRoot, type RootFields } from '../../../shared/attestation/trust-root.ts'
import { fromUtf8, hex, utf8 } from '../../../shared/bytes.ts'
import { main } from '../../../shared/client/commands/main.ts'
import { checkpointText } from '../../../shared/tlog/checkpoint.ts'
import { consistencyProof, leafHash, rootOf } from '../../../shared/tlog/merkle.ts'
import { signNote } from '../../../shared/tlog/note.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { consistencyText } from '../../../shared/tlog/witness-request.ts'
import { cosigned, hour, leaves, logSigner, noon, noteOf, origin } from '../tlog/small-log.ts'
import { proofOf, seenNote, trust, witnesses } from '../tlog/small-log.ts'
import { operator } from './operator.ts'
import { newTerminal, type Terminal } from './terminal.ts'

const people = await operator({ ...(await trust(2)), notAfter: noon + 60 * 24 * hour })
const { a, b, c, c2 } = await witnesses()
const good = await proofOf(3, 7)
const leafOfThree = hex(leaves(7)[3] ?? utf8(''))

let terminal: Terminal
let clock = noon + hour

beforeEach(() => {
  clock = noon + hour
  terminal = newTerminal({ now: () => clock })
  put('root.note', people.root)
  put('proof', good)
})

const put = (name: string, text: string): void => void terminal.files.set(name, utf8(text))
const run = (...args: string[]): Promise<number> => main(['log', ...args], terminal)
const json = (): unknown => JSON.parse(terminal.shown.out)
const m48 = '01'.repeat(48)

type Verdict = { relied: boolean; checks: { check: string; result: string; code?: string; says: string }[] }

async function judged(...more: string[]): Promise<{ exit: number; failed: string[]; verdict: Verdict }> {
  const exit = await run('verify', 'proof', '--leaf', leafOfThree, '--trust', 'root.note', '--json', ...more)
  const verdict = json() as Verdict
  const failed = verdict.checks.filter(({ result }) => result === 'refused')
  return { exit, failed: failed.map(({ check, code }) => `${check}: ${code ?? ''}`), verdict }
}

describe('log verify', () => {
  test('TL-8: says check by check what held, and exits with 0', async () => {
    const { exit, verdict } = await judged()
    expect([exit, verdict.relied]).toEqual([0, true])
    expect(verdict.checks.map(({ check, result }) => `${check} ${result}`)).toEqual([
      ...['trust root held', 'proof held', 'log held', 'quorum held', 'clock held', 'age fresh', 'inclusion held'],
      'leaf held',
    ])
    const says = Object.fromEntries(verdict.checks.map(({ check, says }) => [check, says]))
    expect(says['log']).toBe(`${origin}, 7 leaves, signed by ${origin}`)
    expect(says['quorum']).toMatch(/^2 operators, 2 needed: [ab], [ab]$/)
    expect(says['inclusion']).toContain(`${leafOfThree} is leaf 3 of 7 under ${hex(rootOf(leaves(7)))}`)
  })

  test('for people as lines, with a warning that this is a development root', async () => {
    expect(await run('verify', 'proof', '--leaf', leafOfThree, '--trust', 'root.note')).toBe(0)
    expect(terminal.shown.out).toMatch(/^trust root +held +version 1/)
    expect(terminal.shown.out).toContain('may be relied on (a development root')
  })

  test.each([
    ['of another leaf', () => proofOf(4, 7), ['inclusion: root-mismatch']],
    ['with a hash missing', async () => without(await proofOf(3, 7), 2), ['inclusion: proof-too-short']],
    ['with a changed root', async () => (await proofOf(3, 7)).replace(/\n7\n./, '\n7\nA'), ['log: bad-signature']],
    ['of another log', async () => proofOf(3, 7, await seenNote(7, [], { name: 'other' })), ['log: wrong-origin']],
    [
      'that the log did not sign',
      async () => proofOf(3, 7, await seenNote(7, [], { by: [await logSigner(origin, 9)] })),
      ['log: unknown-log-key'],
    ],
    ['with one witness', async () => proofOf(3, 7, await noteOf(7, [[a, noon]])), ['quorum: quorum-not-met']],
    [
      'with one operator twice',
      async () =>
        proofOf(
          3,
          7,
          await noteOf(7, [
            [c, noon],
            [c2, noon],
          ]),
        ),
      ['quorum: witness-repeated'],
    ],
    [
      'with a witness of tomorrow',
      async () =>
        proofOf(
          3,
          7,
          await noteOf(7, [
            [a, noon],
            [b, noon + 24 * hour],
          ]),
        ),
      ['clock: cosignature-from-future'],
    ],
    ['that is empty', () => Promise.resolve(''), ['proof: no-proof']],
    ['that is none', () => Promise.resolve('hello\n\n'), ['proof: malformed-proof']],
  ])('a proof %s is not relied on, and the row says why', async (_, make, rows) => {
    put('proof', await make())
    const { exit, failed, verdict } = await judged()
    expect([exit, verdict.relied, failed]).toEqual([1, false, rows])
  })

  test('an extra line moves nothing', async () => {
    put('proof', good.replace('\nindex', '\nextra AAAA\nindex'))
    expect((await judged()).exit).toBe(0)
  })

  test.each([
    [26, 'fresh', 0, 0],
    [26.1, 'stale', 0, 0],
    [98, 'stale', 0, 0],
    [98.1, 'refused', 0, 1],
  ])(
    'trust.md 6: cosignatures %f h old are %s; the proof holds, an anchor may not',
    async (age, word, proof, anchor) => {
      clock = noon + age * hour
      const { exit, verdict } = await judged()
      expect(verdict.checks.find(({ check }) => check === 'age')?.result).toBe(word)
      terminal.shown.out = ''
      expect([exit, (await judged('--fresh')).exit]).toEqual([proof, anchor])
    },
  )

  test('a root that ended is not relied on', async () => {
    clock = noon + 61 * 24 * hour
    expect(await judged()).toMatchObject({ exit: 1, failed: ['trust root: root-expired', 'age: cosignature-too-old'] })
  })

  test.each([
    ['a root that names no log', async () => (await operator()).root, 'names no log'],
    ['a root that is none', () => Promise.resolve('hello'), 'not a trust root'],
  ])('%s is refused with the remedy', async (_, make, words) => {
    put('root.note', await make())
    expect(await run('verify', 'proof', '--leaf', leafOfThree, '--trust', 'root.note')).toBe(1)
    expect(terminal.shown.err).toContain(words)
    expect(terminal.shown.out).toBe('')
  })

  test.each([
    ['before its end', '2027-01-01T00:00:00Z', 0, []],
    ['after its end', '2026-11-22T13:00:00Z', 1, ['leaf: evidence-expired']],
  ])('a release is made from its JSON, and not relied on after its end: %s', async (_, notAfter, exit, rows) => {
    const release = {
      role: 'cvm',
      tee: 'simulated',
      measurement: m48,
      guestSvn: 0,
      notAfter,
      artifactSha256: '09'.repeat(32),
    }
    put('release.json', JSON.stringify(release))
    await run('leaf', 'release', 'release.json', '--json')
    const { data } = json() as { data: string }
    terminal.shown.out = ''
    const hash = leafHash(Buffer.from(data, 'base64'))
    const text = checkpointText({ origin, size: 1, root: rootOf([hash]) })
    put('proof', `c2sp.org/tlog-proof@v1\nindex 0\n\n${await cosigned(text, [a, b])}`)
    expect(await run('verify', 'proof', '--release', 'release.json', '--trust', 'root.note', '--json')).toBe(exit)
    const failed = (json() as Verdict).checks.filter(({ result }) => result === 'refused')
    expect(failed.map(({ check, code }) => `${check}: ${code ?? ''}`)).toEqual(rows)
  })
})

describe('log audit', () => {
  const args = (...more: string[]): string[] => ['audit', 'old', 'new', '--trust', 'root.note', ...more]
  const proof = (from: number, to: number): string => consistencyText(consistencyProof(leaves(to), from))
  const otherTree = async (size: number): Promise<string> => {
    const text = checkpointText({ origin, size, root: rootOf(leaves(size + 9).slice(9)) })
    return signNote(text, [await logSigner()])
  }

  test('a log that grew: both signatures, and the proof', async () => {
    put('old', await seenNote(5))
    put('new', await seenNote(7))
    put('proof', proof(5, 7))
    expect(await run(...args('--proof', 'proof'))).toBe(0)
    expect(terminal.shown.out).toContain('CONSISTENT')
    expect(terminal.shown.out).toContain('cosigned by a, b')
  })

  test.each<[string, () => Promise<string>, () => Promise<string>, string | undefined, string]>([
    ['the same tree again', () => seenNote(7), () => noteOf(7, [[c, noon]]), undefined, 'consistent'],
    ['no proof', () => seenNote(5), () => seenNote(7), undefined, 'no-proof'],
    ['a proof that is cut', () => seenNote(5), () => seenNote(7), proof(5, 7).slice(45), 'proof-too-short'],
    ['a proof that is none', () => seenNote(5), () => seenNote(7), 'hello\n', 'malformed-proof'],
    ['a smaller tree', () => seenNote(7), () => seenNote(5), undefined, 'checkpoint-rolled-back'],
    ['another tree of the same size', () => seenNote(7), () => otherTree(7), undefined, 'split-view'],
    [
      'a tree that does not contain the old one',
      () => otherTree(5),
      () => seenNote(7),
      proof(5, 7),
      'old-root-mismatch',
    ],
    ['a tree that the proof does not lead to', () => seenNote(5), () => otherTree(7), proof(5, 7), 'new-root-mismatch'],
  ])('%s: $4', async (_, older, newer, text, code) => {
    put('old', await older())
    put('new', await newer())
    if (text !== undefined) put('proof', text)
    const exit = await run(...args('--json', ...(text === undefined ? [] : ['--proof', 'proof'])))
    expect([exit, json()]).toMatchObject([code === 'consistent' ? 0 : 1, { code, origin }])
    const { evidence } = json() as { evidence?: string }
    const contradicts = /split-view|mismatch/.test(code)
    expect(evidence !== undefined).toBe(contradicts)
    if (evidence === undefined) return
    const kept = JSON.parse(fromUtf8(terminal.files.get(evidence) ?? utf8(''))) as Record<string, string>
    expect(kept).toMatchObject({ code, known: await older(), contradicting: await newer(), proof: text ?? null })
  })

  test('TL-9: a split view is said aloud, and both notes go where they are wanted', async () => {
    put('old', await seenNote(7))
    put('new', await otherTree(7))
    expect(await run(...args('--output', 'evidence.json'))).toBe(1)
    expect(terminal.shown.out).toContain('SPLIT VIEW')
    expect(terminal.shown.out).toContain('both notes are in evidence.json')
    expect(fromUtf8(terminal.files.get('evidence.json') ?? utf8(''))).toContain('split-view')
  })

  test.each([
    ['a checkpoint that nobody signed', async () => (await seenNote(7)).replace(/\n7\n./, '\n7\nA'), 'bad-signature'],
    ['a checkpoint of a stranger', () => seenNote(7, [], { name: 'other' }), 'wrong-origin'],
    ['no note', () => Promise.resolve('hello'), 'malformed-note'],
  ])('%s is refused, and is no evidence of anything', async (_, make, code) => {
    put('old', await seenNote(7))
    put('new', await make())
    expect(await run(...args())).toBe(1)
    expect(terminal.shown.err).toContain(`new is no checkpoint of a log of this root: ${code}`)
    expect([...terminal.files.keys()].filter((name) => name.startsWith('log-conflict'))).toEqual([])
  })

  test('two logs of one root have nothing to do with each other', async () => {
    const second = await generateSigner('second.example')
    const { rootSigner, fields } = people
    const logs: RootFields['logs'] = [...fields.logs, { origin: 'second', key: second.key }]
    put('root.note', await signRoot({ ...fields, logs }, [rootSigner]))
    put('old', await seenNote(7))
    put('new', await signNote(checkpointText({ origin: 'second', size: 7, root: rootOf(leaves(7)) }), [second]))
    expect(await run(...args())).toBe(1)
    expect(terminal.shown.err).toBe('asunder: these are checkpoints of two logs\n')
  })
})

/** The proof without its line `at`. */
function without(proof: string, at: number): string {
  return proof
    .split('\n')
    .filter((_, index) => index !== at)
    .join('\n')
}
