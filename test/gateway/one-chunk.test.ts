/** Small requests come as one chunk that is the first and the final one at once. draft -08 §6.1. */
import { expect, test } from 'vitest'
import { encodeContent, encodeEnd } from '../../shared/bhttp/encode.ts'
import { concat, utf8 } from '../../shared/bytes.ts'
import { ChunkedClient, chunkedHead, openChunks, town } from './town.ts'

test.each(['', 'words'])(
  'a request whose only chunk is the final one is whole at once (content %j)',
  async (content) => {
    const place = await town()
    const client = await ChunkedClient.to(place.key)
    const body = content === '' ? [] : [encodeContent(utf8(content))]
    await client.final(concat(chunkedHead({ method: 'POST' }), ...body, encodeEnd()))
    const { inner } = await openChunks(await client.send(place.app), client)
    expect(inner.status).toBe(200)
    expect(place.seen.map((request) => request.body)).toEqual([content])
  },
)
