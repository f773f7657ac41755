/** A synthetic client with the product's own sealing, overheard: what it seals in which layer, and what goes out. */
import { nodeHpke } from '../../../shared/hpke/node.ts'
import type { ClientHpke } from '../../../shared/hpke/context.ts'
import { obliviousFetch, type ObliviousFetch } from '../../../shared/client/oblivious-fetch.ts'
import type { Transport } from '../../../shared/client/transport.ts'
import { headerLength, sealed } from '../../../shared/ohttp/labels.ts'
import { LabClient } from './client.ts'
import type { Planted } from './planted.ts'
import type { Subject } from './subject.ts'

/** Of one call: the message that went to the relay, and what was sealed on the way to it. */
export type Overheard = {
  readonly message: Buffer
  readonly inside: Buffer
  readonly shown: Buffer | undefined
  readonly inner: Buffer | undefined
}

type Tokens = NonNullable<Parameters<typeof obliviousFetch>[0]['tokens']>

export class Actor {
  readonly client: LabClient
  readonly fetch: ObliviousFetch
  #sent = Buffer.alloc(0)
  #sealed: Sealed[] = []

  constructor(subject: Subject, planted: Planted, index: number, secrets: (line: string) => void, tokens: Tokens = {}) {
    const { pair, a } = subject
    this.client = new LabClient({ index, planted, at: a.host, port: a.port, ca: pair.ca, secrets })
    const { placement, trust, allowSimulated } = pair
    const relay = `https://${a.host}:${String(a.port)}/`
    const judging = allowSimulated === undefined ? {} : { allowSimulated }
    this.fetch = obliviousFetch(
      { relay, trust, placement, keep: ['cookie', 'x-mark'], tokens, ...judging },
      { hpke: overheard((each) => this.#sealed.push(each)), transport: () => this.#keeping(planted.query) },
    )
  }

  /** Forgets what was sealed before. */
  listen(): void {
    this.#sealed = []
  }

  get overheard(): Overheard {
    const layer = (inner: boolean): Sealed[] => this.#sealed.filter((each) => each.inner === inner)
    const [first] = layer(true)
    return {
      message: this.#sent,
      inside: Buffer.concat(this.#sealed.map(({ plaintext }) => plaintext)),
      shown: first && Buffer.concat(layer(false).map(({ plaintext }) => plaintext)),
      inner: first?.begins,
    }
  }

  #keeping(query: string): Transport {
    const transport = this.client.transport(query)
    return {
      send: (request) => {
        if (request.body instanceof Uint8Array) this.#sent = Buffer.from(request.body)
        return transport.send(request)
      },
    }
  }
}

type Sealed = { readonly inner: boolean; readonly begins: Buffer; readonly plaintext: Buffer }

/** The product's own HPKE, telling what it is given to seal, and how the message begins that it seals it for: header and KEM output. */
function overheard(tell: (sealed: Sealed) => void): ClientHpke {
  return {
    ...nodeHpke,
    setupSender: async (kem, suite, publicKey, info) => {
      const sender = await nodeHpke.setupSender(kem, suite, publicKey, info)
      const begins = Buffer.concat([info.subarray(-headerLength), sender.enc])
      const inner = Buffer.from(info).includes(sealed.name)
      const seal: typeof sender.seal = (aad, plaintext) => {
        tell({ inner, begins, plaintext: Buffer.from(plaintext) })
        return sender.seal(aad, plaintext)
      }
      return { enc: sender.enc, seal, export: (context, length) => sender.export(context, length) }
    },
  }
}
