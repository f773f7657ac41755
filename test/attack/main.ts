/** The door of `npm run attack`: arguments, streams and files come in here and nowhere else. */
import { writeFileSync } from 'node:fs'
import { run, type World } from './cli/run.ts'

const world: World = {
  out: (text) => void process.stdout.write(text),
  say: (text) => void process.stderr.write(`${text}\n`),
  write: (path, text, flag = 'w') => writeFileSync(path, text, { flag }),
  stopped: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve())
    }),
}

const code = await run(process.argv.slice(2), world)
// What an attacker left hanging must not keep the process: everything of ours is closed by now.
process.stdout.write('', () => process.exit(code))
