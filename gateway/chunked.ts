/**
 * Chunked messages: opened as they arrive, answered as the CVM speaks, always in their own family.
 * draft-ietf-ohai-chunked-ohttp-08; CHK-1, CHK-14, CHK-20.
 */
import { arriving, contentOf } from '../shared/http/body.ts'
import { nodeBindings } from '../shared/upstream/answer.ts'
import { ChunkedReply } from './chunked-reply.ts'
import { openChunks, Parts } from './chunked-request.ts'
import { type Context, type FamilyRoom } from './opened.ts'

export const chunked: FamilyRoom<Parts> = {
  async receive({ context, limits: { stream, stall, drain } }) {
    const parts = new Parts(arriving(contentOf(context), { max: stream, stall }), drain)
    await parts.arrive()
    return { content: parts, discard: () => parts.discard() }
  },
  async open(cvm, { content: parts }, opening) {
    const request = await openChunks(cvm, parts, opening)
    return {
      ...request.encapsulated,
      read: () => request.read(),
      reply: new ChunkedReply(opening.context, request.opener.response(), opening.limits),
      close: () => {
        request.close()
        void parts.discard().then((all) => all || hangUp(opening.context))
      },
    }
  },
}

/** An upload that goes on and on after its answer has no end that we could wait for. */
function hangUp(context: Context): void {
  nodeBindings(context)?.incoming.socket.destroy()
}
