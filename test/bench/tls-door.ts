/** A process with one of the pair's doors and nothing behind it, for test/bench/handshakes.ts: prints its port. */
import { listen } from '../../shared/upstream/serve.ts'
import type { ServeTls } from '../../shared/upstream/tls-door.ts'

const tls = JSON.parse(process.argv[2] ?? '') as ServeTls
const limits = { connections: 100_000, keepAlive: 600_000, head: 600_000 }
const fetch = () => new Response('ok')
console.log((await listen({ fetch, host: '127.0.0.1', port: 0, tls, limits })).port)
