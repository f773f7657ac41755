/** The ways of writing an IP address, and the network it is in: a /24 or /48 tells nearly as much. RFC 4291 §2.2, RFC 1035 §3.5, RFC 3596 §2.5. */

export type Form = readonly [name: string, text: string | Buffer]

export function addressForms(kind: 'ip4' | 'ip6', address: string): Form[] {
  return kind === 'ip4' ? four(address) : six(address)
}

function four(address: string): Form[] {
  const octets = Buffer.from(address.split('.').map(Number))
  const [a = 0, b = 0, c = 0, d = 0] = octets
  const high = octets.toString('hex', 0, 2)
  const low = octets.toString('hex', 2, 4)
  return [
    ['integer', String(octets.readUInt32BE())],
    ['integer, other order', String(octets.readUInt32LE())],
    ['hex of the address', octets.toString('hex')],
    ['mapped into IPv6', `::ffff:${short(high)}:${short(low)}`],
    ['mapped into IPv6, whole', `0000:ffff:${high}:${low}`],
    ['octets, mapped', Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), octets])],
    ['reverse name', `${d}.${c}.${b}.${a}.in-addr`],
    ['with dashes', `${a}-${b}-${c}-${d}`],
    ['network /24', `${a}.${b}.${c}.`],
    ['network /24, reverse name', `${c}.${b}.${a}.in-addr`],
  ]
}

function six(address: string): Form[] {
  const groups = address.split(':').map((group) => group.padStart(4, '0'))
  const digits = groups.join('')
  return [
    ['whole', groups.join(':')],
    ['hex of the address', digits],
    ['octets', Buffer.from(digits, 'hex')],
    ['reverse name', Array.from(digits).reverse().join('.')],
    ['network /48', address.split(':').slice(0, 3).join(':')],
    ['with dashes', address.replaceAll(':', '-')],
  ]
}

function short(group: string): string {
  return group.replace(/^0+(?=.)/, '')
}
