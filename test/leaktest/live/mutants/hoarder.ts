/** Holds what it is told for as long as it lives. */
const parts: Buffer[] = []
for await (const part of process.stdin) parts.push(part as Buffer)
const held = JSON.parse(Buffer.concat(parts).toString()) as string[]
process.stdout.write('held\n')
setInterval(() => {
  if (held.length === 0) process.exit(1)
}, 60_000)
