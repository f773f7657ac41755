/**
 * A store in Valkey or Redis, shared by the replicas of one gateway: one atomic script a claim. It fails closed: away,
 * slow, evicting, or without the memory it had, it is an error and never a `first`. wire.md "Replay", OHTTP-G21.
 */
import { hex } from '../bytes.ts'
import { claimScript, forgetScript } from './claim-script.ts'
import { shareOf, sliceEnd, sliceLength, untilForgotten, type Shares } from './shares.ts'
import type { Claim, Store } from './store.ts'
import { connectTo, type Server, type ServerOptions } from './valkey-server.ts'

export type ValkeyStoreOptions = Omit<ServerOptions, 'epochKey'> & {
  readonly shares: Shares
  /** Whose claims these are; gateways with the same keys have the same one, others another. */
  readonly prefix: string
  readonly now?: () => number
}

/** Claims that one step of a forgetting removes, so that nobody waits long for the server. */
const sweep = 1_000

/**
 * Claims reject with an Error while the server is not there or not fit to remember: `told` hears why.
 * The clocks of replicas must agree to within two minutes.
 */
export function createValkeyStore({ shares, prefix, now = Date.now, ...options }: ValkeyStoreOptions): Store {
  // One hash tag: in a cluster all of it lies in one slot, as an atomic script demands.
  const key = (what: string): string => `{${prefix}}:${what}`
  const server: Server = connectTo({ ...options, epochKey: key('epoch') })
  const claimKey = (name: string): string => key(`claim:${name}`)

  async function claim(bytes: Uint8Array, expiresAt: number, quota: string): Promise<Claim> {
    const { capacity } = shareOf(shares, quota)
    const [name, at, end] = [hex(bytes), now(), sliceEnd(expiresAt)]
    // Longer than the claim, by what the clocks of replicas may differ.
    const lifetime = end === untilForgotten ? '' : String(Math.max(1, end - at + sliceLength))
    const keys = [claimKey(name), key('held'), key('epoch'), key(`names:${quota}`)]
    const answer = await server.script(claimScript, keys, (epoch) => {
      return [epoch, String(at), quota, String(end), String(capacity), name, lifetime]
    })
    if (answer === 'first' || answer === 'seen' || answer === 'full') return answer
    throw server.unfit(answer === 'lost' ? 'forgot' : 'odd')
  }

  async function forget(quota: string): Promise<void> {
    const going = key('going')
    await server.script(forgetScript, [key('held'), key(`names:${quota}`), going], () => [quota])
    for (;;) {
      const names = await server.someOf(going, sweep)
      if (names.length === 0) return
      await server.remove(names.map(claimKey))
      await server.takeOut(going, names)
    }
  }

  return { claim, forget, close: () => server.close() }
}
