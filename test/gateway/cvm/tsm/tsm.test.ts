/** Reports from configfs-tsm: what a kernel does, and what is made of it. */
import { constants } from 'node:fs'
import { mkdir, open, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { base64, hex } from '../../../../shared/bytes.ts'
import { reportData } from '../../../../shared/attestation/report-data.ts'
import { readOwnReport } from '../../../../gateway/cvm/own-report.ts'
import { tsmEvidence, type TsmOptions } from '../../../../gateway/cvm/tsm.ts'
import { codeOf } from '../../../shared/tlog/code-of.ts'
import { binding, certificateTable, forged, forgedTd, guids } from './forged.ts'
import type { Behaviour } from './kernel.ts'
import { canMount, mounted, type Tree, ways } from './trees.ts'

const trees: Tree[] = []
afterEach(async () => {
  for (const tree of trees.splice(0)) await tree.stop()
})

const machine = forged()
const [leaf, ask, ark] = machine.endorsements as [Uint8Array, Uint8Array, Uint8Array]
const table = certificateTable([
  [guids.ark, ark],
  [guids.vcek, leaf],
  [guids.ask, ask],
])

describe.each(ways)('%s', (_way, start) => {
  async function treeWith(changes: Partial<Behaviour> = {}, chip = machine.chip): Promise<Tree> {
    const tree = await start(chip)
    trees.push(tree)
    await tree.behave(changes)
    return tree
  }

  const providerOf = ({ root, files }: Tree, options: Partial<TsmOptions> = {}) =>
    tsmEvidence({ kind: 'sev-snp', root, files, patience: { first: 1, cap: 4, within: 10_000 }, ...options })

  test('evidence over the binding, its certificates nearest first, and nothing left behind', async () => {
    const tree = await treeWith({ auxblob: base64(table) })
    const evidence = await providerOf(tree).evidence(binding)
    expect(evidence.kind).toBe('sev-snp')
    expect(hex(readOwnReport(evidence).reportData)).toBe(hex(reportData(binding)))
    expect(evidence.endorsements.map(hex)).toEqual([leaf, ask, ark].map(hex))
    expect(evidence.collateral).toBeNull()
    expect(await tree.seen()).toEqual({ entries: [], reports: 1, level: 0 })
  })

  test('a judge accepts it, once the revocation list is added', async () => {
    const tree = await treeWith({ auxblob: base64(table) })
    const evidence = await providerOf(tree).evidence(binding)
    const whole = { ...evidence, endorsements: machine.endorsements }
    expect((await machine.judge(whole, reportData(binding))).snp?.product).toBe('Genoa')
    const other = reportData({ ...binding, nonce: new Uint8Array(32) })
    expect(await codeOf(() => machine.judge(whole, other))).toBe('binding-mismatch')
  })

  test.each([
    ['an empty auxblob', { auxblob: '' }],
    ['no auxblob at all', { auxblob: null }],
  ])('%s is no certificates', async (_what, changes) => {
    const tree = await treeWith(changes)
    expect((await providerOf(tree).evidence(binding)).endorsements).toEqual([])
  })

  test('a TDX quote has neither levels nor a table', async () => {
    const tree = await treeWith({ provider: 'tdx_guest' }, forgedTd().chip)
    const evidence = await providerOf(tree, { kind: 'tdx' }).evidence(binding)
    expect(hex(readOwnReport(evidence).reportData)).toBe(hex(reportData(binding)))
    expect(evidence).toMatchObject({ kind: 'tdx', endorsements: [], collateral: null })
  })

  describe('waits and asks again', () => {
    test.each([
      ['another writer', { intruders: 2 }],
      ['a report that is under way for somebody else (EBUSY)', { reportErrors: ['EBUSY', 'EBUSY'] }],
      ['a report that another thread makes (EWOULDBLOCK)', { reportErrors: ['EAGAIN'] }],
      ['a platform that is coming or going (ENXIO)', { mkdirErrors: ['ENXIO'], reportErrors: ['ENXIO'] }],
    ])('after %s', async (_what, changes) => {
      const tree = await treeWith(changes)
      const evidence = await providerOf(tree).evidence(binding)
      expect(hex(readOwnReport(evidence).reportData)).toBe(hex(reportData(binding)))
      expect((await tree.seen()).entries).toEqual([])
    })

    test.each([
      ['another writer', { intruders: 1_000 }],
      ['EBUSY', { reportErrors: Array<string>(1_000).fill('EBUSY') }],
    ])('but not for ever: %s', async (_what, changes) => {
      const tree = await treeWith(changes)
      const provider = providerOf(tree, { patience: { first: 1, cap: 4, within: 50 } })
      expect(await codeOf(() => provider.evidence(binding))).toBe('evidence-unavailable')
      expect((await tree.seen()).entries).toEqual([])
    })
  })

  describe('refuses, saying what to do', () => {
    const cases: [string, Partial<Behaviour>, string, string][] = [
      ['a report that does not fit (EFBIG)', { space: 1_000 }, 'evidence-unavailable', 'EFBIG; the report or its cert'],
      ['a short write', { takes: 63 }, 'evidence-unavailable', '63 of 64 bytes'],
      [
        'a guest that may not ask any more',
        { reportErrors: ['ENOTTY'] },
        'evidence-unavailable',
        'start the machine anew',
      ],
      ['an error that nobody knows', { reportErrors: ['EIO'] }, 'evidence-unavailable', 'EIO; see the kernel log'],
      ['no leave to ask', { mkdirErrors: ['EACCES'] }, 'evidence-unavailable', 'run the reporter as root'],
      ['a table that is broken', { auxblob: base64(table.slice(0, -1)) }, 'bad-evidence', 'outside the table'],
      ['other bytes than ours', { attests: base64(new Uint8Array(64)) }, 'binding-mismatch', 'other bytes'],
      ['another platform', { provider: 'tdx_guest' }, 'platform-unsupported', "reports are tdx_guest's"],
      ['a level below the floor', { floor: 2 }, 'platform-unsupported', 'set it to 2 or above'],
    ]
    test.each(cases)('%s', async (_what, changes, code, says) => {
      const tree = await treeWith(changes)
      const refused = providerOf(tree).evidence(binding)
      await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(says) as string })
      expect((await tree.seen()).entries).toEqual([])
    })

    test('a platform that changes while we run', async () => {
      const tree = await treeWith()
      const provider = providerOf(tree)
      await provider.evidence(binding)
      await tree.behave({ provider: 'arm_cca_guest' })
      expect(await codeOf(() => provider.evidence(binding))).toBe('platform-unsupported')
    })

    test('what is not a report', async () => {
      const tree = await treeWith({}, forgedTd().chip)
      expect(await codeOf(() => providerOf(tree).evidence(binding))).toBe('bad-evidence')
    })
  })

  test('a level at the floor or above it is asked for, and counts as a write', async () => {
    const tree = await treeWith({ floor: 1 })
    await providerOf(tree, { privlevel: 2 }).evidence(binding)
    expect((await tree.seen()).level).toBe(2)
    expect(await codeOf(() => providerOf(tree, { privlevel: 0 }).evidence(binding))).toBe('platform-unsupported')
  })
})

describe.skipIf(!canMount)('the file system is like the one of the kernel', () => {
  async function entry(changes: Partial<Behaviour> = {}): Promise<{ tree: Tree; at: (name: string) => string }> {
    const tree = await mounted(machine.chip)
    trees.push(tree)
    await tree.behave(changes)
    await mkdir(join(tree.root, 'mine'))
    return { tree, at: (name) => join(tree.root, 'mine', name) }
  }
  const errorOf = (work: Promise<unknown>) =>
    work.then(String, (error: unknown) => (error as NodeJS.ErrnoException).code)

  test('a new folder has its files, and a number that counts writes', async () => {
    const { at } = await entry()
    expect(await readFile(at('provider'), 'utf8')).toBe('sev_guest\n')
    expect(await readFile(at('generation'), 'utf8')).toBe('0\n')
    await writeFile(at('privlevel'), '3')
    await writeFile(at('inblob'), new Uint8Array(64))
    expect(await readFile(at('generation'), 'utf8')).toBe('2\n')
    expect((await readFile(at('outblob'))).length).toBe(0x4a0)
    expect(await errorOf(readFile(at('manifestblob')))).toBe('ENOENT')
  })

  test('there is no report before there are bytes, and none over too few', async () => {
    const { at } = await entry()
    expect(await errorOf(readFile(at('outblob')))).toBe('EINVAL')
    await writeFile(at('inblob'), new Uint8Array(63))
    expect(await errorOf(readFile(at('outblob')))).toBe('EINVAL')
  })

  test('bytes count when their file is closed', async () => {
    const { at } = await entry()
    const file = await open(at('inblob'), constants.O_WRONLY)
    await file.write(new Uint8Array(64))
    expect(await readFile(at('generation'), 'utf8')).toBe('0\n')
    await file.close()
    expect(await readFile(at('generation'), 'utf8')).toBe('1\n')
  })

  test('what is written cannot be read, nor the other way round, by root either', async () => {
    const { at } = await entry()
    expect(await errorOf(readFile(at('inblob')))).toBe('EACCES')
    expect(await errorOf(open(at('inblob'), constants.O_RDWR))).toBe('EACCES')
    expect(await errorOf(open(at('outblob'), constants.O_WRONLY))).toBe('EACCES')
    expect(await errorOf(writeFile(at('privlevel'), '9'))).toBe('EINVAL')
  })

  test('a folder that is removed is gone with all that was in it', async () => {
    const { tree, at } = await entry()
    await rmdir(join(tree.root, 'mine'))
    expect(await errorOf(readFile(at('provider')))).toBe('ENOENT')
    expect(await errorOf(rmdir(join(tree.root, 'mine')))).toBe('ENOENT')
  })
})
