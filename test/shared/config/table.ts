/** Settings of a service that does not exist, with one row of every kind. */
import { file, ownFile, ownSecretFile, secretFile } from '../../../shared/config/file-kinds.ts'
import { count, duration, host, list, port, publicHost, rate, size, word, yes } from '../../../shared/config/kinds.ts'
import { readSettings, SettingsError, type Definition, type Sources } from '../../../shared/config/read.ts'
import { many, optional, type Rows } from '../../../shared/config/rows.ts'

export const rows = {
  listen: {
    host: { kind: host, default: '127.0.0.1', says: 'where' },
    port: { kind: port, says: 'which' },
    tls: optional('plaintext', {
      key: { kind: secretFile, says: 'the key', example: 'own.key' },
      cert: { kind: file, says: 'the certificate', example: 'own.pem' },
    }),
  },
  hosts: { kind: list(publicHost), absent: 'any', says: 'names' },
  ways: many({
    to: { kind: host, says: 'the way out' },
    colour: { kind: word(['red', 'green']), default: 'red', says: 'its colour' },
  }),
  limits: {
    bodySize: { kind: size({ most: 1 << 30 }), default: '1MiB', says: 'octets' },
    wait: { kind: duration(), default: '5s', says: 'time' },
    rate: { kind: rate, absent: 'none', says: 'speed' },
    most: { kind: count({ least: 1, most: 9 }), default: 3, says: 'a number' },
  },
  state: { kind: ownSecretFile, absent: 'none', says: 'state' },
  log: { kind: ownFile, absent: 'none', says: 'log' },
  open: { kind: yes, default: false, says: 'a switch' },
} as const satisfies Rows

export const service: Definition<typeof rows> = {
  service: 'thing',
  rows,
  rules: [
    {
      at: ({ open, limits }) => (open && limits.most > 5 ? ['limits.most'] : []),
      wrong: 'is too much for something open',
      remedy: 'lower it to 5',
    },
  ],
}

export const least = 'listen: { port: 1 }\nways: [{ to: a }]\n'

export function read(text: string, more: Partial<Sources> = {}) {
  return readSettings(service, { text, source: 'thing.yaml', ...more })
}

/** The lines of what was refused, or none. */
export function mistakes(text: string, more: Partial<Sources> = {}): string[] {
  try {
    read(text, more)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.message.split('\n')
    throw error
  }
}
