/**
 * Chunked messages: opened as they arrive, answered as the profile has it, always in their own family.
 * draft-ietf-ohai-chunked-ohttp-08; CHK-1, CHK-14, CHK-20.
 */
import { arriving, contentOf, within } from '../shared/http/body.ts'
import { outerField } from '../shared/http/outer.ts'
import { nodeBindings } from '../shared/upstream/answer.ts'
import { openChunks, Parts, type ChunkedRequest } from './chunked-request.ts'
import { type Context, type FamilyRoom, type Opened, type Opening } from './opened.ts'

// A plain refusal waits this long for the end of the upload, so that the connection can live on; not for its sender.
const patience = 200

export const chunked: FamilyRoom<Parts> = {
  async receive({ context, limits: { request, stream, stall, drain } }) {
    const parts = new Parts(arriving(contentOf(context), { max: stream, stall }), drain)
    await parts.arrive(stall, Math.min(request, storedLength(context)))
    return { content: parts, discard: () => within(patience, parts.discard()).catch(() => false) }
  },
  open(cvm, { content: parts }, opening) {
    return Promise.try(() => openedAs(openChunks(cvm, parts, opening), parts, opening))
  },
}

/** A message that says its length was stored by whoever sent it on, and comes as fast as it can; a stream does not say it. */
function storedLength(context: Context): number {
  if (outerField(context, 'incremental') !== undefined) return 0
  return Number(outerField(context, 'content-length') ?? 0)
}

function openedAs(request: ChunkedRequest, parts: Parts, opening: Opening): Opened {
  return {
    ...request.encapsulated,
    read: () => request.read(),
    reply: opening.stream(request.opener.response(), opening),
    close: () => {
      request.close()
      void parts.discard().then((all) => all || hangUp(opening.context))
    },
  }
}

/** An upload that goes on and on after its answer has no end that we could wait for. */
function hangUp(context: Context): void {
  nodeBindings(context)?.incoming.socket.destroy()
}
