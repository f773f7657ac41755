/** `asunder trust keygen`: one signing key. The secret goes to a file and nowhere else. */
import { isKeyName } from '../../tlog/key.ts'
import { generateSigningKey } from '../../tlog/signer.ts'
import { Failure, UsageError, type Command } from './command.ts'
import { parsed, reasonOf } from './connection.ts'
import { onlyFile, outputOption } from './output.ts'

const options = { ...outputOption, help: { type: 'boolean', short: 'h' } } as const

const help = `Usage: asunder trust keygen [options] NAME

Makes an Ed25519 signing key called NAME, as publisher.example/root-1. The secret goes into a new file that only you can
read; the verifier key, which is public, goes to standard output.

  -o, --output FILE       the secret's file (default: NAME.skey, with other characters than letters, digits, dots and
                          dashes replaced by dashes); a file that exists is never overwritten
  -h, --help              this text`

export const keygen: Command = {
  summary: 'make a signing key: the secret in a file, the verifier key on standard output',
  help,
  async run(args, world) {
    const { values, positionals } = parsed(args, options)
    const name = onlyFile(positionals, 'NAME')
    if (!isKeyName(name)) throw new UsageError('NAME: no spaces and no plus')
    const path = values.output ?? secretFile(name)
    const { skey, vkey } = await generateSigningKey(name)
    try {
      await world.create(path, `${skey}\n`)
    } catch (cause) {
      throw new Failure(`--output: cannot make ${path}: ${reasonOf(cause)}`, { cause })
    }
    await world.out(`${vkey}\n`)
    world.say(`the secret is in ${path}: keep it, show it to nobody`)
    return 0
  },
}

export function secretFile(name: string): string {
  return `${name.replace(/[^A-Za-z0-9.-]+/g, '-').replace(/^[.-]+/, '')}.skey`
}
