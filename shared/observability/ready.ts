/**
 * What a supervisor asks before it sends people to a process, or starts it anew. The private listener stays on loopback, so
 * the question comes from a process beside the service: a container's health check, a probe of Kubernetes.
 */
export type Listener = { readonly host: string; readonly port: number }

/** The last word of the listener, and whether it is "ready". `within`: milliseconds. */
export type Readiness = { readonly ready: boolean; readonly says: string }

export async function askReady({ host, port }: Listener, within = 3000): Promise<Readiness> {
  if (port === 0) return { ready: false, says: 'admin.port is 0, a free one: give it a number that can be asked' }
  try {
    const answer = await fetch(`http://${bracketed(host)}:${port}/readyz`, { signal: AbortSignal.timeout(within) })
    return { ready: answer.status === 200, says: (await answer.text()).trim() }
  } catch {
    return { ready: false, says: `nobody answers on ${bracketed(host)}:${port} (admin.host, admin.port)` }
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** For a door's command `ready`: says it, and gives the exit code. */
export async function tellReady(listener: Listener, print: (line: string) => void): Promise<0 | 1> {
  const { ready, says } = await askReady(listener)
  print(`${says}\n`)
  return ready ? 0 : 1
}

export const readyCommand = 'asks admin.host and admin.port whether the service that runs there is ready; exits 0 or 1'
