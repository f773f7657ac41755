/** Combinations of settings that we do not run: each a rule with its message, so that the list can be read from top to bottom. */
import { isLoopback } from '../upstream/loopback.ts'
import type { Mistake } from './mistake.ts'
import { aroundHoles } from './unsound.ts'

export type Rule<S> = {
  /** Paths of the settings that break the rule. It is not asked about values that are mistakes of their own. */
  readonly at: (settings: S) => readonly string[]
  readonly wrong: string
  readonly remedy: string
}

export function when(broken: boolean, path: string): readonly string[] {
  return broken ? [path] : []
}

/** The same for each group of a list, such as `routes`: `routes.N.name` of every one that is broken. */
export function eachWhen<T>(
  name: string,
  all: readonly T[],
  isBroken: (one: T, at: number) => boolean,
  setting: string,
): readonly string[] {
  return all.flatMap((one, at) =>
    when(
      aroundHoles(() => isBroken(one, at), false),
      `${name}.${at}.${setting}`,
    ),
  )
}

/** `settings` may have holes. */
export function broken<S>(
  rules: readonly Rule<S>[],
  settings: S,
  whereIs: (path: string) => string,
): readonly Mistake[] {
  return rules.flatMap(({ at, wrong, remedy }) => {
    const paths = aroundHoles(() => at(settings), [])
    return paths.map((path) => ({ where: whereIs(path), path, wrong, remedy }))
  })
}

type Listening = {
  readonly listen: {
    readonly host: string
    readonly port: number
    readonly tls?: object | undefined
    readonly plaintextLoopback: boolean
  }
  readonly publicHosts?: readonly string[] | undefined
  readonly admin: { readonly host: string; readonly port: number }
}

/** What holds for whoever has a public listener and a private one. RFC 9458 §6: both legs are TLS. */
export const listenerRules: readonly Rule<Listening>[] = [
  {
    at: ({ listen: { host, tls } }) => when(tls === undefined && !isLoopback(host), 'listen.tls'),
    wrong: 'needs tls: plaintext is served on loopback only',
    remedy: 'give listen.tls.key and listen.tls.cert, or listen on 127.0.0.1 behind a TLS proxy on this machine',
  },
  {
    at: ({ listen: { host, tls, plaintextLoopback } }) =>
      when(tls === undefined && isLoopback(host) && !plaintextLoopback, 'listen.tls'),
    wrong: 'needs tls, or the switch that allows plaintext on loopback',
    remedy: 'give listen.tls.key and listen.tls.cert, or set listen.plaintextLoopback: true',
  },
  {
    at: ({ listen: { tls, plaintextLoopback } }) =>
      when(tls !== undefined && plaintextLoopback, 'listen.plaintextLoopback'),
    wrong: 'contradicts listen.tls: the listener speaks either TLS or plaintext',
    remedy: 'remove listen.plaintextLoopback, or listen.tls',
  },
  {
    at: ({ listen, publicHosts }) => when(publicHosts === undefined && !isLoopback(listen.host), 'publicHosts'),
    wrong: 'is needed as soon as the listener is not on loopback',
    remedy: 'list the names under which clients reach you, as publicHosts: [name.example]',
  },
  {
    at: ({ admin }) => when(!isLoopback(admin.host), 'admin.host'),
    wrong: 'the admin listener speaks plaintext and stays on loopback: its counts are a clock for whoever reads them',
    remedy: 'set admin.host: 127.0.0.1 and collect from this machine',
  },
  {
    at: ({ admin, listen }) => when(admin.port !== 0 && admin.port === listen.port, 'admin.port'),
    wrong: 'is the port of the public listener',
    remedy: 'choose another port, or leave it out for any that is free',
  },
]
