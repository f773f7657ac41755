/** Door of `npm start`: the whole pair on this machine, until it is told to stop. */
import { parseArgs } from 'node:util'
import { asked, checked, pairHelp, pairOptions, say, usageOf } from './pair/door.ts'
import { startPair, type Pair } from './pair/pair.ts'

const help = `Usage: npm start [-- options]

Starts relay, gateway, CVM agent and a small OpenAI-compatible app as processes on 127.0.0.1, prints how to
reach them, and keeps them running until Ctrl-C. Evidence is simulated: for development only.

${pairHelp}
`

function settings() {
  try {
    const { values } = parseArgs({ options: pairOptions })
    return { ...checked(values), keep: values.keep === true, help: values.help === true }
  } catch (error) {
    process.stderr.write(`start: ${usageOf(error)}\n`)
    process.exit(2)
  }
}

function addresses({ placement, profile, relay, admin, trust, leave, folder, services }: Pair): string {
  const judging = placement === 'front' ? '' : ` --allow-simulated ${leave}`
  const client = `--relay ${relay.href} --plaintext-loopback --trust ${trust} --placement ${placement}${judging}`
  const gateway = placement === 'inside' ? 'in the CVM' : `behind the relay  (ready ${admin.gateway.href}readyz)`
  return `
The pair is up. Evidence: SIMULATED (development only). Placement: ${placement}. Profile: ${profile}.

  relay              ${relay.href}  (metrics ${admin.relay.href}metrics)
  gateway            ${gateway}
  settings and logs  ${folder}
  processes          ${services.map(({ name, pid }) => `${name} ${pid}`).join(', ')}

Ask it something, sealed, from another terminal in this folder:

  npm run --silent asunder -- ask ${client} --task summarise --file deploy/local/message.txt
  npm run --silent asunder -- ask ${client} --task compose "Can you come on Friday at 5 pm? Please bring the keys. Tom"

What a client verifies before it sends anything:

  npm run --silent asunder -- bundle ${client}
${placement === 'sealed' ? '' : keyList(relay)}
Ctrl-C stops everything.
`
}

function keyList(relay: URL): string {
  return `
The key list as any RFC 9458 client gets it, through the relay:

  curl -si ${relay.href}.well-known/ohttp-gateway --output - | head -c 400
`
}

async function main(): Promise<number> {
  const { help: wanted, ...options } = settings()
  if (wanted) {
    process.stdout.write(help)
    return 0
  }
  const signal = asked()
  const pair = await Promise.race([startPair({ ...options, progress: say }), signal])
  // Told to stop before it was up: leaving the process ends and removes everything at once.
  if (typeof pair === 'number') return 128 + pair
  process.stdout.write(addresses(pair))
  const end = await Promise.race([signal, pair.broken])
  say('stopping')
  await pair.stop()
  if (options.keep) say(`kept: ${pair.folder}`)
  if (typeof end === 'number') return end === 2 || end === 15 ? 0 : 128 + end
  process.stderr.write(`start: ${end}\n`)
  return 1
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
