/** An opened answer as it comes: first its head, then pieces of its content. */
import type { ResponseEvent } from '../bhttp/decode.ts'
import type { ResponseHead } from '../bhttp/message.ts'
import { ObliviousError } from './errors.ts'

export async function headOf(events: AsyncGenerator<ResponseEvent>): Promise<ResponseHead> {
  for (;;) {
    const next = await events.next()
    if (next.done === true) throw new ObliviousError('answer-truncated')
    if (next.value.type === 'head') return next.value.head
  }
}

export async function* contentOf(events: AsyncGenerator<ResponseEvent>): AsyncGenerator<Uint8Array> {
  for await (const event of events) if (event.type === 'content' && event.bytes.length > 0) yield event.bytes
}
