/**
 * Who stands where at level 2: a network namespace for each operator, a link of its own between two that work together, and
 * a way out that ends at a watcher who answers for the rest of the world. All addresses are in 127/8, since a gateway takes
 * simulated evidence on loopback alone; here they are on links, and no process can reach past those. Clients have those
 * from 127.16 on.
 */

/** Namespaces of the pair. `outside` is the rest of the world, of which nobody in the pair knows. */
export const operators = ['client', 'relay', 'gateway', 'cvm'] as const
export type Place = (typeof operators)[number]
export const places = [...operators, 'outside'] as const
export type Anywhere = (typeof places)[number]

export type LinkPlan = {
  readonly name: 'a' | 'b' | 'd'
  readonly near: Place
  readonly far: Place
  readonly nearAddress: string
  readonly farAddress: string
}

export const linkPlans: readonly LinkPlan[] = [
  { name: 'a', near: 'client', far: 'relay', nearAddress: '127.9.1.1', farAddress: '127.9.1.2' },
  { name: 'b', near: 'relay', far: 'gateway', nearAddress: '127.9.2.1', farAddress: '127.9.2.2' },
  { name: 'd', near: 'gateway', far: 'cvm', nearAddress: '127.9.3.1', farAddress: '127.9.3.2' },
]

export function planOf(name: LinkPlan['name']): LinkPlan {
  return linkPlans.find((plan) => plan.name === name) as LinkPlan
}

/**
 * Links of the pair lie in one network, so that a route to the links of others leads outside. A client keeps all else of
 * 127/8 for itself; what it lets go is wider than that route, or where tables are one the kernel would find neither.
 */
export const pairNetwork = '127.9.0.0/17'
export const letGo = '127.9.0.0/16'

export type WayOut = { readonly near: string; readonly far: string; readonly near6: string; readonly far6: string }

export function wayOut(place: Place): WayOut {
  const number = 11 + operators.indexOf(place)
  const six = `fd00:98:${String(number)}`
  return { near: `127.9.${number}.1`, far: `127.9.${number}.2`, near6: `${six}::1`, far6: `${six}::2` }
}

/** The only resolver that anybody is told of. RFC 5737. */
export const resolver = { address: '192.0.2.53', port: 53 } as const

/** Names that there are, each with the one who may ask for it. A relay is told its gateway by name; a gateway its CVM by address. */
export const gatewayName = 'gateway.asunder.example'
export const zone: Readonly<Record<string, string>> = { [gatewayName]: '127.9.2.2' }
export const mayAsk: Readonly<Record<Place, readonly string[]>> = {
  client: [],
  relay: [gatewayName],
  gateway: [],
  cvm: [],
}

/** Where nobody of the pair has anything to say: RFC 5737, RFC 3849, and a name that vendors of machines might have. */
export const elsewhere = '203.0.113.7'
export const elsewhere6 = '2001:db8::7'
export const vendorName = 'collateral.vendor.example'
