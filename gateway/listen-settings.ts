/** The settings of the public listener. RFC 9458 §6.2.2. */
import { host, httpVersion, list, port, yes } from '../shared/config/kinds.ts'
import { authorityFile, certificateFile, privateKeyFile } from '../shared/config/pem-files.ts'
import { optional } from '../shared/config/rows.ts'

export const listenRows = {
  host: { kind: host, default: '127.0.0.1', says: 'address of the public listener' },
  port: { kind: port, says: 'its port; 0 takes a free one and logs it' },
  tls: optional('plaintext', {
    key: { kind: privateKeyFile, example: 'server.key', says: 'PEM file with the private key of the certificate' },
    cert: {
      kind: certificateFile,
      example: 'server.pem',
      says: 'PEM file with the certificate that relays are shown',
    },
    clientCa: {
      kind: authorityFile,
      absent: 'no authority is asked',
      example: 'relays.pem',
      says: 'PEM file: only relays with a certificate of this authority may connect. Beyond loopback this, relays or both are needed',
    },
  }),
  http: {
    kind: list(httpVersion),
    default: [1.1, 2],
    says: 'versions of HTTP that relays may speak behind TLS, in the order in which those that can do both get one; plaintext is 1.1',
  },
  plaintextLoopback: {
    kind: yes,
    default: false,
    says: 'the switch without which plaintext is refused even on loopback',
  },
} as const
