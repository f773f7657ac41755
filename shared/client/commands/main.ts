/** Which subcommand, which help, which exit code: the command line without its door. */
import { ask } from './ask.ts'
import { audit } from './audit.ts'
import { bundle } from './bundle.ts'
import { listed, UsageError, type Command, type Commands, type ExitCode, type World } from './command.ts'
import { doctor } from './doctor.ts'
import { report } from './failure.ts'
import { fetch } from './fetch.ts'
import { log } from './log.ts'
import { monitor } from './monitor.ts'
import { policy } from './policy.ts'
import { token } from './token.ts'
import { trust } from './trust.ts'
import { verify } from './verify.ts'

const commands: Commands = { ask, audit, bundle, doctor, fetch, log, monitor, policy, token, trust, verify }

export async function main(args: readonly string[], world: World): Promise<ExitCode> {
  try {
    return await dispatched(args, world)
  } catch (error) {
    return report(error, world)
  }
}

async function dispatched([name, ...args]: readonly string[], world: World): Promise<ExitCode> {
  if (name === '--version' || name === '-v') return print(`${world.version}\n`, world)
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const text = `${overview()}\n`
    if (name !== undefined) return print(text, world)
    world.say(text)
    return 2
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw new UsageError(`no command ${JSON.stringify(name)}; see asunder --help`)
  return descended(command, args, world)
}

/** To the command that the words name; help is that of the last one. */
function descended(command: Command, args: readonly string[], world: World): Promise<ExitCode> {
  const [word = '', ...rest] = args
  const next = command.below !== undefined && Object.hasOwn(command.below, word) ? command.below[word] : undefined
  if (next !== undefined) return descended(next, rest, world)
  return wantsHelp(args) ? print(`${command.help}\n`, world) : command.run(args, world)
}

function wantsHelp(args: readonly string[]): boolean {
  const own = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
  return own.includes('--help') || own.includes('-h')
}

function overview(): string {
  return [
    'Usage: asunder COMMAND [options]',
    '',
    listed(commands),
    '',
    'asunder COMMAND --help tells more; --version prints the version.',
  ].join('\n')
}

async function print(text: string, world: World): Promise<0> {
  await world.out(text)
  return 0
}
