/** The DER reader takes one encoding of each value and refuses every other. X.690 §8, §10, §11. */
import { describe, expect, test } from 'vitest'
import { DerReader, readDer, readExtensions, tags } from '../../../shared/attestation/der.ts'
import { fromHex, hex } from '../../../shared/bytes.ts'
import * as writer from '../../../shared/upstream/der.ts'
import { codeOf } from '../tlog/code-of.ts'

type Read = (from: DerReader) => unknown
const integer: Read = (from) => hex(from.integer())
const unsigned: Read = (from) => from.unsigned()
const small: Read = (from) => from.small(255)
const boolean: Read = (from) => from.boolean()
const nothing: Read = (from) => from.null()
const id: Read = (from) => from.objectId()
const bits: Read = (from) => hex(from.bits())
const named: Read = (from) => from.namedBits()
const time: Read = (from) => new Date(from.time()).toISOString()
const ia5: Read = (from) => from.ia5()
const octets: Read = (from) => hex(from.octets())
const extensions: Read = (from) => readExtensions(from).map(({ critical, value }) => [critical, hex(value)])
const utc = (text: string) => `17${hex(Uint8Array.of(text.length))}${hex(new TextEncoder().encode(text))}`
const general = (text: string) => `18${hex(Uint8Array.of(text.length))}${hex(new TextEncoder().encode(text))}`

describe('reads', () => {
  test.each<[string, Read, unknown]>([
    ['020100', integer, '00'],
    ['02017f', integer, '7f'],
    ['02020080', integer, '0080'],
    ['0201ff', integer, 'ff'],
    ['02020080', unsigned, '80'],
    ['020100', unsigned, '00'],
    [`0215${'00ff'.padEnd(42, '0')}`, unsigned, 'ff'.padEnd(40, '0')],
    ['020200ff', small, 255],
    ['0101ff', boolean, true],
    ['010100', boolean, false],
    ['0500', nothing, undefined],
    ['06092a864886f70d01010a', id, '1.2.840.113549.1.1.10'],
    ['0603551d13', id, '2.5.29.19'],
    ['0603883703', id, '2.999.3'],
    ['03020004', bits, '04'],
    ['03020106', named, 6],
    ['03020104', named, 4],
    ['03020780', named, 0x80],
    [utc('491231235959Z'), time, '2049-12-31T23:59:59.000Z'],
    [utc('500101000000Z'), time, '1950-01-01T00:00:00.000Z'],
    [utc('240229000000Z'), time, '2024-02-29T00:00:00.000Z'],
    [general('20500101000000Z'), time, '2050-01-01T00:00:00.000Z'],
    ['160547656e6f61', ia5, 'Genoa'],
    [`048180${'11'.repeat(128)}`, octets, '11'.repeat(128)],
    [`04820100${'22'.repeat(256)}`, octets, '22'.repeat(256)],
    ['3008300606015504010a', extensions, [[false, '0a']]],
    ['300b30090601550101ff04010a', extensions, [[true, '0a']]],
  ])('%s', (der, read, value) => {
    expect(readDer(fromHex(der), read)).toEqual(value)
  })

  test('what the writer of certificates writes', () => {
    const at = new Date('2026-11-22T12:00:00Z')
    const der = writer.sequence(
      writer.time(at),
      writer.objectId('1.3.6.1.4.1.3704.1.3.8'),
      writer.octetString(fromHex('00')),
    )
    const read = readDer(der, (whole) => {
      const from = whole.enter(tags.sequence)
      return [from.time(), from.objectId(), hex(from.octets()), from.done]
    })
    expect(read).toEqual([at.getTime(), '1.3.6.1.4.1.3704.1.3.8', '00', true])
  })
})

describe('refuses', () => {
  test.each<[string, string, Read]>([
    ['nothing', '', integer],
    ['a tag alone', '02', integer],
    ['another tag', '030100', integer],
    ['a length beyond the bytes', '020200', integer],
    ['bytes behind', '02010000', integer],
    ['an indefinite length', '04800000', octets],
    ['a long length for a short value', '04810100', octets],
    ['a length with a spare octet', `04820080${'11'.repeat(128)}`, octets],
    ['a length of four octets', '048400000001ff', octets],
    ['an integer without octets', '0200', integer],
    ['a spare zero before an integer', '0202007f', integer],
    ['a spare octet of a negative integer', '0202ff80', integer],
    ['a negative number', '0201ff', unsigned],
    ['a number of twenty-one octets', `0215${'01'.padEnd(42, '0')}`, unsigned],
    ['a number of more', `0216${'00ff'.padEnd(44, '0')}`, unsigned],
    ['a number above its most', '02020100', small],
    ['true as one', '010101', boolean],
    ['a boolean of two octets', '0102ffff', boolean],
    ['a null with content', '050100', nothing],
    ['an empty object identifier', '0600', id],
    ['an object identifier that ends early', '060186', id],
    ['an object identifier whose last part ends early', '06025586', id],
    ['an object identifier with a spare octet', '0603558013', id],
    ['an object identifier beyond reason', `060a55${'ff'.repeat(8)}7f`, id],
    ['a bit string with unused bits', '03020106', bits],
    ['an empty bit string', '0300', bits],
    ['named bits with unused bits set', '03020301', named],
    ['named bits of two octets', '0303000180', named],
    ['eight unused bits', '03020800', named],
    ['a time without seconds', utc('2611221200Z'), time],
    ['a time with an offset', utc('261122120000+0000'), time],
    ['a day that does not exist', utc('260230000000Z'), time],
    ['an hour that does not exist', utc('260220250000Z'), time],
    ['a long time before 2050', general('20491231235959Z'), time],
    ['a long time with fractions', general('20500101000000.5Z'), time],
    ['a control character', '160100', ia5],
    ['an empty list of extensions', '3000', extensions],
    ['a default that is written out', '300b300906015501010004010a', extensions],
    ['bytes behind an extension', '300a300806015504010a0500', extensions],
  ])('%s', async (_, der, read) => {
    expect(await codeOf(() => readDer(fromHex(der), read))).toBe('bad-encoding')
  })

  test.each([
    ['a length beyond the bytes', '040211'],
    ['a length that ends too early', '048201'],
    ['no length', '04'],
  ])('%s, at once and not only at the end', async (_, der) => {
    expect(await codeOf(() => new DerReader(fromHex(der)).octets())).toBe('bad-encoding')
  })

  test('a nest of sixteen and one', async () => {
    const nest = (depth: number) => {
      let der = writer.sequence()
      for (let i = 1; i < depth; i++) der = writer.sequence(der)
      return der
    }
    const descend = (depth: number) => () => {
      let from = new DerReader(nest(depth))
      for (let i = 0; i < depth; i++) from = from.enter(tags.sequence)
    }
    expect(await codeOf(descend(16))).toBe('accepted')
    expect(await codeOf(descend(17))).toBe('bad-encoding')
  })

  test('more extensions than any certificate has', async () => {
    const one = writer.sequence(writer.objectId('1.2.3'), writer.octetString(fromHex('00')))
    const many = (count: number) => writer.sequence(...Array.from({ length: count }, () => one))
    expect(await codeOf(() => readDer(many(32), extensions))).toBe('accepted')
    expect(await codeOf(() => readDer(many(33), extensions))).toBe('bad-encoding')
  })
})
