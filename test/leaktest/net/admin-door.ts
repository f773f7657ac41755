/**
 * A process beside an operator, for the lab: hands on from a socket file, which every namespace of this machine can reach,
 * to the operator's private listener, which only its own can. Arguments: the file and the port.
 */
import { createTap } from '../live/tap.ts'

const [path = '', port = ''] = process.argv.slice(2)
await createTap({ to: { host: '127.0.0.1', port: Number(port) }, path })
process.stderr.write('listening\n')
