/** What goes wrong with folders, in words that say what to do. */
import { Failure, UsageError } from '../command.ts'

export function oneFolder([folder, ...more]: readonly string[]): string {
  if (folder === undefined || more.length > 0) throw new UsageError('give exactly one folder; see --help')
  return folder
}

/** Runs what opens or makes a development log or witness. */
export async function onDisk<T>(folder: string, what: 'log' | 'witness', work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const init = what === 'log' ? 'asunder log init' : 'asunder log witness init'
    if (code === 'EEXIST') throw new Failure(`${folder} holds a ${what} already; its key is never replaced`, { cause })
    if (code === 'ENOENT') throw new Failure(`${folder} holds no development ${what}; make one: ${init}`, { cause })
    if (cause instanceof TypeError) throw new UsageError(`--name: ${cause.message}`, { cause })
    throw cause
  }
}
