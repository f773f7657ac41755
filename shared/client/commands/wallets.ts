/** Wallets for the command line: an issuer file, and its tokens beside it. What blinding needs is loaded only for them. */
import { fileMemory } from '../memory-file.ts'
import type { Tokens } from '../passes.ts'
import type { Wallet } from '../wallet.ts'
import { Failure, UsageError, type World } from './command.ts'
import { readText } from './read.ts'

export type WalletFiles = {
  /** the option that named the issuer, for messages */
  readonly option: string
  readonly issuer: string
  readonly file?: string | undefined
  readonly values: { readonly 'plaintext-loopback'?: boolean }
}

export async function openWallet({ option, issuer, file, values }: WalletFiles, world: World): Promise<Wallet> {
  const text = await readText(option, issuer, world)
  const { createWallet, readIssuer } = await blinding()
  try {
    return createWallet({
      issuer: readIssuer(text),
      memory: fileMemory(file ?? `${issuer}.wallet`),
      plaintextLoopback: values['plaintext-loopback'] ?? false,
    })
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const about = cause.message.replace('`plaintextLoopback: true`', '--plaintext-loopback')
    throw new UsageError(`--${option}: ${issuer}: ${about}`, { cause })
  }
}

/** A package of its own does the blinding of type 2; who installed without it needs none for anything else. */
async function blinding() {
  try {
    return await import('../tokens.ts')
  } catch (cause) {
    throw new Failure('tokens need the package @cloudflare/blindrsa-ts; install it beside this one', { cause })
  }
}

export type TokenValues = WalletFiles['values'] & {
  readonly 'relay-issuer'?: string
  readonly 'gateway-issuer'?: string
}

/** One wallet for each issuer that was named; none, and nothing is loaded. */
export async function openWallets(values: TokenValues, world: World): Promise<Tokens> {
  const sides = ['relay', 'gateway'] as const
  const named = sides.flatMap((side) => {
    const issuer = values[`${side}-issuer`]
    return issuer === undefined ? [] : [{ side, option: `${side}-issuer`, issuer, values }]
  })
  const wallets = await Promise.all(named.map(async (one) => [one.side, await openWallet(one, world)] as const))
  return Object.fromEntries(wallets)
}
