/** Heads on the wire are constants. wire.md "Heads are constants", privacy.md 2.3 (egress header canonical form), 4.6. */
import type { Capture } from '../capture.ts'
import { maskedHead, operationOf } from '../heads.ts'
import { readHello } from '../hello.ts'
import type { Exchange, Message } from '../heard.ts'
import { joined } from '../tap.ts'
import { counted, told, type LiveTest } from './live-test.ts'

export const heads: readonly LiveTest[] = [
  {
    id: 'heads.upstream',
    tier: 'T1',
    metric: 'distinct heads, relay to gateway, of the operation that has most',
    cells: ['F06 NR', 'F07 NR', 'F07 G'],
    remedy: 'write the head of upstream requests from constants; copy nothing of the client',
    ask: ({ links }) => mostDistinct(links.b.flatMap(({ exchanges }) => exchanges).map(asked)),
  },
  {
    id: 'heads.gateway-answers',
    tier: 'T1',
    metric: 'distinct heads, gateway to relay, of the kind of answer that has most',
    cells: [],
    remedy: 'write the head of answers from constants, dates to the minute',
    ask: ({ links }) => mostDistinct(links.b.flatMap(({ exchanges }) => exchanges).flatMap(answered)),
  },
  {
    id: 'heads.client-answers',
    tier: 'T1',
    metric: 'distinct heads, relay to client, of the kind of answer that has most',
    cells: [],
    remedy: 'keep only the listed fields of what the gateway answers, and set no state in the client',
    ask: ({ links }) => mostDistinct(links.a.flatMap(({ exchanges }) => exchanges).flatMap(answered)),
  },
  {
    id: 'tls.fingerprint',
    tier: 'T1',
    metric: 'distinct TLS fingerprints of the relay, while its clients have many',
    cells: ['F03 NR', 'F03 G'],
    remedy: 'make upstream connections from constants, never from what the client offered',
    ask: ({ links }) => {
      const before = new Set(hellosOf(links.a))
      const behind = hellosOf(links.b)
      const answer = counted(new Set(behind).size, behind.length, [...new Set(behind)], 1)
      // Clients that all look alike would prove nothing.
      return before.size < 2 ? { ...answer, doubt: 'the clients had one fingerprint' } : answer
    },
  },
  {
    id: 'tls.resumption',
    tier: 'T3',
    metric: 'upstream sessions resumed with a ticket, which join connections to each other',
    cells: [],
    remedy: '',
    ask: ({ links }) => {
      const hellos = links.b.flatMap(({ connection }) => readHello(joined(connection.forward)) ?? [])
      return told(hellos.filter(({ resumes }) => resumes).length, hellos.length)
    },
  },
]

type Shape = { readonly kind: string; readonly head: string }

function asked({ request }: Exchange): Shape {
  const type = fieldOf(request, 'content-type') ?? ''
  return { kind: `${operationOf(request.start)} ${type}`, head: maskedHead(request.head) }
}

/** Errors and successes of one operation are two kinds; so are answers whole and in chunks. */
function answered({ request, response }: Exchange): Shape[] {
  if (response === undefined) return []
  const type = fieldOf(response, 'content-type') ?? ''
  const kind = `${operationOf(response.start)} ${type} to ${operationOf(request.start)}`
  return [{ kind, head: maskedHead(response.head) }]
}

function mostDistinct(shapes: readonly Shape[]) {
  const kinds = Map.groupBy(shapes, ({ kind }) => kind)
  const distinct = [...kinds].map(([kind, all]) => ({ kind, all: [...new Set(all.map(({ head }) => head))] }))
  const worst = distinct.reduce((most, each) => (each.all.length > most.all.length ? each : most), {
    kind: '',
    all: [''],
  })
  return counted(worst.all.length, shapes.length, worst.all.length > 1 ? [worst.kind, ...worst.all] : [], 1)
}

function hellosOf(heard: Capture['links']['a']): string[] {
  return heard.flatMap(({ connection }) => readHello(joined(connection.forward))?.fingerprint ?? [])
}

export function fieldOf(message: Message, wanted: string): string | undefined {
  return message.fields.find(([name]) => name === wanted)?.[1]
}
