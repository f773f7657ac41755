/** Which subcommand, which help, which exit code: the command line without its door. */
import { ask } from './ask.ts'
import { bundle } from './bundle.ts'
import { UsageError, type Command, type ExitCode, type Group, type World } from './command.ts'
import { report } from './failure.ts'
import { fetch } from './fetch.ts'
import { policy } from './policy.ts'
import { trust } from './trust.ts'

type Commands = Readonly<Record<string, Command | Group>>

const commands: Commands = { ask, bundle, fetch, policy, trust }

export async function main(args: readonly string[], world: World): Promise<ExitCode> {
  try {
    const [name] = args
    if (name === '--version' || name === '-v') return await print(`${world.version}\n`, world)
    return await dispatched('asunder', commands, args, world)
  } catch (error) {
    return report(error, world)
  }
}

async function dispatched(
  title: string,
  choice: Commands,
  [name, ...args]: readonly string[],
  world: World,
): Promise<ExitCode> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const text = `${overview(title, choice)}\n`
    if (name !== undefined) return print(text, world)
    world.say(text)
    return 2
  }
  const command = Object.hasOwn(choice, name) ? choice[name] : undefined
  if (command === undefined) throw new UsageError(`no command ${JSON.stringify(name)}; see ${title} --help`)
  if ('commands' in command) return dispatched(`${title} ${name}`, command.commands, args, world)
  return wantsHelp(args) ? print(`${command.help}\n`, world) : command.run(args, world)
}

function wantsHelp(args: readonly string[]): boolean {
  const own = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length)
  return own.includes('--help') || own.includes('-h')
}

function overview(title: string, choice: Commands): string {
  const rows = Object.entries(choice).map(([name, { summary }]) => `  ${name.padEnd(11)}${summary}`)
  return [
    `Usage: ${title} COMMAND [options]`,
    '',
    ...rows,
    '',
    `${title} COMMAND --help tells more; asunder --version prints the version.`,
  ].join('\n')
}

async function print(text: string, world: World): Promise<0> {
  await world.out(text)
  return 0
}
