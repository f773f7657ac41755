/** A file of requests for a gateway, each sealed anew, one after the other without a gap: what `wrk.ts` sends. */
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { encode } from '../../shared/bhttp/encode.ts'
import { paddingFor } from '../../shared/bhttp/padding.ts'
import { concat, utf8 } from '../../shared/bytes.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import { parseKeyConfigs, selectKey } from '../../shared/ohttp/key-config.ts'
import { requestOverhead, sealRequest } from '../../shared/ohttp/request.ts'

/** Writes `count` POSTs of 1 KiB to `target`, padded as our client pads them; gives the octets of one record. */
export async function sealRequests(gateway: string, target: string, count: number, file: string): Promise<number> {
  const list = new Uint8Array(await (await fetch(`${gateway}/.well-known/ohttp-gateway`)).arrayBuffer())
  const { config, suite } = selectKey(parseKeyConfigs(list), (kem, pair) => nodeHpke.supports(kem, pair))
  const message = request(target)
  const padding = new Uint8Array(paddingFor(message.length, requestOverhead(config.kem, suite)))
  const content = concat(message, padding)
  const out = createWriteStream(file)
  let record = 0
  for (let made = 0; made < count; made++) {
    const sealed = (await sealRequest(nodeHpke, config, suite, content)).message
    record = sealed.length
    if (!out.write(sealed)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'finish')
  return record
}

function request(target: string): Uint8Array {
  return encode({
    kind: 'request',
    framing: 'known',
    method: 'POST',
    scheme: 'https',
    authority: new URL(target).host,
    path: '/v1/chat/completions',
    headers: [
      ['content-type', 'application/json'],
      ['date', new Date(Math.floor(Date.now() / 60_000) * 60_000).toUTCString()],
    ],
    content: utf8('a'.repeat(1024)),
    trailers: [],
    padding: 0,
  })
}
