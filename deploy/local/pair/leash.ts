/**
 * Loaded before a service of the local pair (node --import): when whoever started it is gone, however that happened,
 * the service ends too. The services themselves know nothing of it.
 */
const patience = 3_000

process.once('disconnect', () => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), patience).unref()
  process.kill(process.pid, 'SIGTERM')
})
// The channel alone must not keep a service alive that wants to end.
process.channel?.unref()
