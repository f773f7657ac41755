/**
 * Options of the runtime that open the process to others or write out what it holds; and, inside a CVM, the only ones
 * there may be and those there must be. trust.md 4; the Node.js command-line page.
 */
import { atLeast, type Place, type Problem } from './place.ts'

type Rule = { readonly flag: RegExp; readonly why: string }

const keyLog = /^--tls-keylog(=|$)/

const dangerous: readonly Rule[] = [
  { flag: /^--(inspect|debug-port|experimental-network-inspection)/, why: 'opens the process to a debugger' },
  { flag: keyLog, why: 'writes the secrets of TLS to a file' },
  { flag: /^--trace-tls$/, why: 'prints the secrets of TLS' },
  { flag: /^--(heapsnapshot-|heap-prof)/, why: 'writes the memory to a file' },
  { flag: /^--(openssl-config|openssl-shared-config)/, why: 'configures the TLS library' },
  { flag: /^--env-file/, why: 'sets variables that nobody looks at' },
  { flag: /^--(use-env-proxy)$/, why: 'sends connections another way' },
]

const insideCvm: readonly RegExp[] = [
  /^--permission$/,
  /^--allow-net$/,
  /^--allow-fs-(read|write)=/,
  /^--disable-sigusr1$/,
  /^--disable-warning=/,
  /^--disable-proto=/,
  /^--disallow-code-generation-from-strings$/,
  /^--no-addons$/,
  /^--jitless$/,
  /^--use-bundled-ca$/,
  /^--max-(old-space|semi-space)-size=/,
]

/** Without the first any signal of the host's, without the second any mistake of ours, reaches further than it should. */
const neededInsideCvm = ['--disable-sigusr1', '--permission'] as const

/** `recorded`: the caller has made sure that TLS secrets may be written out. */
export function flagProblems(execArgv: readonly string[], place: Place, recorded: boolean): Problem[] {
  const given = execArgv.flatMap((flag) => {
    if (recorded && keyLog.test(flag)) return []
    const why = dangerous.find((rule) => rule.flag.test(flag))?.why ?? strange(flag, place)
    return why === undefined ? [] : [{ name: nameOf(flag), why, remedy: 'leave it out' }]
  })
  const missing = neededInsideCvm.filter((flag) => atLeast(place, 'cvm') && !execArgv.includes(flag))
  return [...given, ...missing.map((name) => ({ name, why: 'is missing', remedy: 'start node with it' }))]
}

function strange(flag: string, place: Place): string | undefined {
  if (!atLeast(place, 'cvm') || insideCvm.some((known) => known.test(flag))) return undefined
  return 'is not one of the options that a CVM knows (write values with =)'
}

function nameOf(flag: string): string {
  return flag.split('=', 1)[0] ?? flag
}
