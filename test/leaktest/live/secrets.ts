/**
 * Loaded into a process before its door (node --import secrets.ts?FILE): writes the secrets of the TLS that it ends, so
 * that the lab reads what it reads. For the CVM of placement `inside`, which has no switch for that and must have none.
 */
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import type { Server } from 'node:tls'

const file = decodeURIComponent(new URL(import.meta.url).search.slice(1))

// Every server passes here before it has a port, so nobody is missed.
subscribe('tracing:net.server.listen:asyncStart', (message) => {
  const { server } = message as { readonly server: Server }
  server.on('keylog', (line) => appendFileSync(file, line))
})
