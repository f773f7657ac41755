/** Clients for tests: at the town's relay, with its trust root, never really waiting. */
import { createObliviousFetch, type NodeOptions, type ObliviousFetch } from '../../../shared/client/index.ts'
import { ObliviousError } from '../../../shared/client/errors.ts'
import type { Town } from './town.ts'

export type Waits = number[]

export type Visitor = ObliviousFetch & { readonly waits: Waits }

export function visitor(town: Pick<Town, 'url' | 'operator'>, options: Partial<NodeOptions> = {}): Visitor {
  const waits: Waits = []
  const fetch = createObliviousFetch({
    relay: town.url,
    trust: town.operator.root,
    placement: 'front',
    plaintextLoopback: true,
    random: () => 0.5,
    wait: (milliseconds) => {
      waits.push(milliseconds)
      return Promise.resolve()
    },
    ...options,
  })
  return Object.assign(fetch, { waits })
}

/** The code of the typed error that `work` ends in; anything else is thrown on. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (error instanceof ObliviousError) return error.code
    throw error
  }
  return 'no error'
}
