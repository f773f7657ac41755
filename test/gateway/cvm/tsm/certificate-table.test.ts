/** The host's certificate table: taken whole and exact, or not at all. */
import { describe, expect, test } from 'vitest'
import { type Bytes, concat, hex } from '../../../../shared/bytes.ts'
import { readCertificateTable } from '../../../../gateway/cvm/certificate-table.ts'
import { codeOf } from '../../../shared/tlog/code-of.ts'
import { certificateTable, guids, type Row } from './forged.ts'

const blob = (length: number, value: number) => new Uint8Array(length).fill(value)
const both = [
  [guids.ask, blob(20, 1)],
  [guids.vcek, blob(30, 2)],
] as const
const stranger = 'ecae0c0f-9502-43b1-afa2-0ae2e0d565b6'

describe('read', () => {
  test('an empty blob, and a table without entries', () => {
    expect(readCertificateTable(new Uint8Array())).toEqual([])
    expect(readCertificateTable(blob(24, 0))).toEqual([])
  })

  test('nearest first, whatever their order, and what has no use for us left out', () => {
    const table = certificateTable([
      [guids.crl, blob(5, 5)],
      [stranger, blob(7, 7)],
      [guids.ark, blob(4, 4)],
      [guids.ask, blob(3, 3)],
      [guids.vlek, blob(2, 2)],
      [guids.vcek, blob(1, 1)],
    ])
    expect(readCertificateTable(table).map(hex)).toEqual(['01', '0202', '030303', '04040404', '0505050505'])
  })

  test('with room between the entries and what they name, and behind it', () => {
    const table = certificateTable(both, (rows) => rows.map((row) => ({ ...row, length: row.length - 1 })))
    expect(readCertificateTable(concat(table, blob(9, 9))).map(({ length }) => length)).toEqual([29, 19])
  })

  test('GUIDs lie in the order of their text', () => {
    const [first] = [certificateTable([[guids.vcek, blob(1, 1)]]).subarray(0, 16)]
    expect(hex(first)).toBe('63da758de6644564adc5f4b93be8accd')
  })
})

describe('refused', () => {
  const change = (index: number, to: Partial<Row>) => (rows: Row[]) =>
    rows.map((row, i) => (i === index ? { ...row, ...to } : row))
  const zero = '00000000-0000-0000-0000-000000000000'
  const cases: [string, Bytes][] = [
    ['no end to the entries', certificateTable(both).slice(0, 48)],
    ['an end that is not zero', concat(blob(16, 0), blob(8, 1), blob(40, 2))],
    ['half an entry', blob(10, 0)],
    ['an offset into the entries', certificateTable(both, change(0, { offset: 71 }))],
    ['an offset behind the blob', certificateTable(both, change(1, { offset: 93 }))],
    ['a length behind the blob', certificateTable(both, change(1, { length: 31 }))],
    ['an offset beyond 31 bits', certificateTable(both, change(1, { offset: 0xffff_fff0, length: 0x20 }))],
    ['two that share bytes', certificateTable(both, change(1, { offset: 91, length: 29 }))],
    ['one inside the other', certificateTable(both, change(0, { length: 50 }))],
    ['an empty certificate', certificateTable(both, change(0, { length: 0 }))],
    ['a certificate of more than 8 KiB', certificateTable([[guids.vcek, blob(8193, 1)]])],
    ['one GUID twice', certificateTable([both[0], both[0]])],
    ['seventeen entries', certificateTable(Array.from({ length: 17 }, (_, i) => [seventeen(i), blob(1, 1)] as const))],
    ['an entry of zeros that names something', certificateTable(both, change(1, { guid: zero }))],
  ]
  test.each(cases)('%s', async (_what, table) => {
    expect(await codeOf(() => readCertificateTable(table))).toBe('bad-evidence')
  })
})

function seventeen(index: number): string {
  return `000000${(index + 16).toString(16)}-0000-0000-0000-000000000000`
}
