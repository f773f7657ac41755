/** The settings of a CVM behind a gateway, and what must hold among several. trust.md 3 and 7. */
import { file } from '../shared/config/file-kinds.ts'
import type { Kind } from '../shared/config/kind.ts'
import { count, duration, host, line, peerPort, text } from '../shared/config/kinds.ts'
import { certificateFile, privateKeyFile } from '../shared/config/pem-files.ts'
import { optional, type Settings } from '../shared/config/rows.ts'
import { eachWhen, when, type Rule } from '../shared/config/rules.ts'
import { isLoopback } from '../shared/upstream/loopback.ts'

const hex = (digits: number): Kind<string> =>
  text('hex', new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} lower-case hexadecimal digits`, '0'.repeat(digits))

export const cvmRows = {
  host: { kind: host, example: '10.0.0.7', says: 'address of the agent in the CVM' },
  port: { kind: peerPort, example: 9443, says: 'its port' },
  role: { kind: line, example: 'summariser', says: 'the role that the CVM must be attested for' },
  connections: {
    kind: count({ most: 4096 }),
    default: 64,
    says: 'attested connections, which is how many requests the CVM is given at a time',
  },
  maxAge: { kind: duration(), absent: "half the verdict's life", says: 'when a connection is judged anew' },
  identity: optional('none', {
    key: { kind: privateKeyFile, example: 'to-cvm.key', says: 'PEM file with the private key of the certificate' },
    cert: {
      kind: certificateFile,
      example: 'to-cvm.pem',
      says: 'PEM file with the certificate by which the agent knows this gateway; its pin stands in the gatewayPins of the agent',
    },
  }),
  allowSimulated: optional('real evidence only', {
    rootSha256: { kind: hex(64), says: 'for development: SHA-256 of the key of the simulated root' },
    measurement: { kind: hex(96), says: 'for development: the measurement of the simulated CVM' },
  }),
  firstByte: { kind: duration(), default: '60s', says: 'how long the CVM may think before it is slow' },
  proof: {
    kind: file,
    absent: 'simulated evidence',
    says: "publish: the proof that a log has the release of the CVM's image",
  },
} as const

export type CvmSettings = Settings<typeof cvmRows>

type Behind = {
  readonly listen: { readonly host: string }
  readonly cvm?: CvmSettings | undefined
  readonly cvms?: readonly CvmSettings[] | undefined
}

export const cvmRules: readonly Rule<Behind>[] = [
  {
    at: ({ cvms = [] }) => eachWhen('cvms', cvms, (one, at) => isListedBefore(one, at, cvms), 'port'),
    wrong: 'is, with its host, another CVM of this list: it would be asked twice, and count once',
    remedy: 'remove one of the two, or correct host and port',
  },
  {
    at: ({ cvm, cvms = [] }) => [
      ...when(cvm !== undefined && isStranger(cvm), 'cvm.identity'),
      ...eachWhen('cvms', cvms, isStranger, 'identity'),
    ],
    wrong: 'is needed for a CVM on another machine: its agent talks to gateways that it has pinned',
    remedy: 'give identity.key and identity.cert there, and put the pin of the key into the gatewayPins of the agent',
  },
  {
    at: ({ cvm, cvms = [], listen: { host } }) => [
      ...when(cvm !== undefined && simulatesAfar(cvm, host), 'cvm.allowSimulated'),
      ...eachWhen('cvms', cvms, (one) => simulatesAfar(one, host), 'allowSimulated'),
    ],
    wrong: 'simulated evidence proves nothing about a machine, and is for one machine: listener and CVM on loopback',
    remedy: 'remove it, or set listen.host and the host of the CVM to 127.0.0.1 for development',
  },
]

function isListedBefore({ host, port }: CvmSettings, at: number, all: readonly CvmSettings[]): boolean {
  return all.findIndex((one) => one.host === host && one.port === port) < at
}

function isStranger({ host, identity }: CvmSettings): boolean {
  return !isLoopback(host) && identity === undefined
}

function simulatesAfar({ allowSimulated, host }: CvmSettings, listener: string): boolean {
  return allowSimulated !== undefined && !(isLoopback(host) && isLoopback(listener))
}
