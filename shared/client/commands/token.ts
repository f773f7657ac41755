/** `asunder token`: fill a wallet with anonymous tokens ahead of time, and say what is in one. Never prints a token. */
import type { Holding, Wallet } from '../wallet.ts'
import { group, UsageError, type Command, type World } from './command.ts'
import { parsed } from './connection.ts'
import { openWallet } from './wallets.ts'

const walletOptions = {
  issuer: { type: 'string' },
  wallet: { type: 'string' },
  'plaintext-loopback': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const walletHelp = `  --issuer FILE           who issues, as the publisher of the service ships it
  --wallet FILE           where the tokens are (default: FILE of --issuer with .wallet appended); whoever can read
                          it can spend them, and a copy spends them twice
  --plaintext-loopback    allow http:// to an issuer on this machine
  -h, --help              this text`

const fetch: Command = {
  summary: 'get tokens from their issuer into a wallet',
  help: `Usage: asunder token fetch --issuer FILE [options]

Gets batches of 32 tokens. Do it ahead of time, so that when you got them says little about when you use them.

  --batches N             how many batches (default: 1, at most 32)
${walletHelp}`,
  async run(args, world) {
    const { values, positionals } = parsed(args, { ...walletOptions, batches: { type: 'string' } })
    const batches = batchesOf(values.batches)
    const wallet = await walletFor(values, positionals, world)
    for (let batch = 0; batch < batches; batch++) {
      world.signal.throwIfAborted()
      await wallet.fill()
    }
    world.say(`${String(total(await wallet.holdings()))} tokens of ${wallet.issuer.name} in the wallet`)
    return 0
  },
}

const show: Command = {
  summary: 'say what a wallet holds',
  help: `Usage: asunder token show --issuer FILE [options]

  --json                  print one JSON object
${walletHelp}`,
  async run(args, world) {
    const { values, positionals } = parsed(args, { ...walletOptions, json: { type: 'boolean' } })
    const wallet = await walletFor(values, positionals, world)
    const { name, origins } = wallet.issuer
    const holdings = await wallet.holdings()
    const json = `${JSON.stringify({ issuer: name, origins, holdings })}\n`
    await world.out(values.json === true ? json : explained(wallet.issuer, holdings))
    return 0
  },
}

export const token = group(
  'token',
  'fetch anonymous tokens into a wallet, and show what it holds',
  'Tokens (Privacy Pass) are for a relay or gateway that asks for them. Each has an issuer of its own; `ask` and `fetch`\n' +
    'take --relay-issuer and --gateway-issuer.',
  { fetch, show },
)

type WalletValues = { readonly issuer?: string; readonly wallet?: string; readonly 'plaintext-loopback'?: boolean }

async function walletFor(values: WalletValues, positionals: readonly string[], world: World): Promise<Wallet> {
  const { issuer, wallet: file } = values
  if (positionals.length > 0) throw new UsageError(`not an option: ${positionals.join(' ')}; see --help`)
  if (issuer === undefined) throw new UsageError('--issuer is missing; give the file that names the issuer')
  return openWallet({ option: 'issuer', issuer, file, values }, world)
}

function explained({ name, origins }: Wallet['issuer'], holdings: readonly Holding[]): string {
  const rows = holdings.map(({ type, keyId, tokens, usableFrom }) => [
    `${String(tokens)} tokens`,
    `type ${String(type)}, key ${keyId.slice(0, 16)}, usable from ${new Date(usableFrom).toISOString()}`,
  ])
  const head = [
    ['issuer', name],
    ['for', origins.length === 0 ? 'every origin' : origins.join(', ')],
    ['in all', `${String(total(holdings))} tokens`],
  ]
  return [...head, ...rows].map(([left = '', right = '']) => `${left.padEnd(14)}${right}\n`).join('')
}

function total(holdings: readonly Holding[]): number {
  return holdings.reduce((sum, { tokens }) => sum + tokens, 0)
}

function batchesOf(text = '1'): number {
  const batches = Number(text)
  if (!Number.isInteger(batches) || batches < 1 || batches > 32) throw new UsageError('--batches: from 1 to 32')
  return batches
}
