/**
 * Names in the environment that reach into a process: they load code, change the runtime or its libraries, or send
 * connections another way. attestation.md a.7 (TOB-WAPI-13); environ(7), ld.so(8), the Node.js command-line page.
 */
import { atLeast, type Place, type Problem } from './place.ts'

type Rule = { readonly name: RegExp; readonly from: Place; readonly why: string }

/** `from`: refused there and in every stricter place. */
const dangerous: readonly Rule[] = [
  { name: /^NODE_OPTIONS$/, from: 'loopback', why: 'adds options to the runtime' },
  { name: /^(LD_PRELOAD|LD_AUDIT|DYLD_INSERT_LIBRARIES)$/, from: 'loopback', why: 'loads code into the process' },
  { name: /^SSLKEYLOGFILE$/, from: 'loopback', why: 'writes the secrets of TLS to a file' },
  { name: /^NODE_DEBUG(_NATIVE)?$/, from: 'loopback', why: 'prints what passes through' },
  { name: /^(LD|DYLD)_/, from: 'public', why: 'changes which code is loaded' },
  { name: /^(GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|LOCPATH|NLSPATH)$/, from: 'public', why: 'changes the C library' },
  { name: /^MALLOC_/, from: 'public', why: 'changes the C library' },
  { name: /^(NODE_EXTRA_CA_CERTS|SSL_CERT_.*)$/, from: 'public', why: 'adds certificate authorities' },
  { name: /^OPENSSL_/, from: 'public', why: 'configures the TLS library' },
  { name: /^(https?|all|no)_proxy$/i, from: 'public', why: 'sends connections another way' },
  {
    name: /^(HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|RESOLV_HOST_CONF)$/,
    from: 'public',
    why: 'changes how names are found',
  },
  { name: /^NODE_(?!ENV$)/, from: 'public', why: 'changes the runtime' },
]

/** All that a measured init may leave: no value of these can do more than name something. */
const insideCvm = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'TZ', 'NODE_ENV']
const plainValue = /^[A-Za-z0-9._:/@-]{0,200}$/

export function environmentProblems(env: Readonly<Record<string, string | undefined>>, place: Place): Problem[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    const why =
      dangerous.find((rule) => rule.name.test(name) && atLeast(place, rule.from))?.why ?? strange(name, value, place)
    return why === undefined ? [] : [{ name, why, remedy: `unset it, or start with env -u ${name}` }]
  })
}

function strange(name: string, value: string, place: Place): string | undefined {
  if (place !== 'cvm') return undefined
  if (!insideCvm.includes(name)) return 'is not one of the names that a CVM knows'
  return plainValue.test(value) ? undefined : 'has a value that is not a plain word or path'
}
