/** Programs of the system that level 2 is made with, run to their end or left to run; what they say goes into the error. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'

/** Gives what it wrote; throws Error with the command and its last words. */
export function ran(command: readonly string[], input = ''): string {
  const [program = '', ...args] = command
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8' })
  if (error !== undefined) throw new Error(`${program}: ${error.message}`)
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr.trim()}`)
  return stdout
}

/** Resolves when it has written `ready` to its standard error; rejects, with what it wrote, if it ends before. */
export function leftRunning(command: readonly string[], ready: RegExp): Promise<ChildProcess> {
  const [program = '', ...args] = command
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (part: Buffer) => {
      said += part.toString()
      if (ready.test(said)) resolve(child)
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`${command.join(' ')}: ${said.trim()}`)))
  })
}
