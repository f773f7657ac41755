/** Hears a chunked answer as it comes. */
import { ResponseDecoder } from '../../shared/bhttp/decode.ts'
import { fromUtf8, type Bytes } from '../../shared/bytes.ts'
import { ChunkedClient } from './town.ts'

/** Reads an answer as it comes: sealed chunks as they were sent, and what they open to. */
export class Listener {
  readonly chunks: Bytes[] = []
  readonly #client: ChunkedClient
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new ResponseDecoder()
  text = ''

  constructor(client: ChunkedClient, outer: Response) {
    if (outer.body === null) throw new TypeError('no content')
    this.#client = client
    this.#reader = outer.body.getReader()
  }

  /** One piece of the outer content. False at its clean end. */
  async next(): Promise<boolean> {
    const { done, value } = await this.#reader.read()
    const plaintexts = done ? await this.#client.opener.end() : await this.#client.opener.push(value)
    this.chunks.push(...plaintexts)
    const events = plaintexts.flatMap((plaintext) => this.#decoder.push(plaintext))
    for (const event of events) if (event.type === 'content') this.text += fromUtf8(event.bytes)
    return !done
  }

  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) if (!(await this.next())) throw new Error('ended before')
  }

  leave(): Promise<void> {
    return this.#reader.cancel()
  }
}
