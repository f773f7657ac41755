/** A process outside: the only resolver that there is. Knows the names of the pair, and that there are no others. */
import { createSocket } from 'node:dgram'
import { answerTo, readQuestion, typeA } from './dns.ts'
import { resolver, zone } from './plan.ts'

const socket = createSocket('udp4')
socket.on('message', (query, from) => {
  const question = readQuestion(query)
  if (question === undefined) return
  const address = zone[question.name]
  const known = address === undefined || question.type === typeA ? address : null
  socket.send(answerTo(query, question, known), from.port, from.address)
})
socket.bind(resolver.port, resolver.address, () => process.stderr.write('listening\n'))
