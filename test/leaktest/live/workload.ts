/**
 * What the synthetic clients do: fetch keys, ask, ask for failures, send what must be refused, leave, dawdle, stream.
 * Every error path carries canaries, since that is where leaks live. privacy.md 2.3 to 2.10.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { appOrigin } from '../../../deploy/local/pair/settings.ts'
import type { ObliviousFetch } from '../../../shared/client/oblivious-fetch.ts'
import { Actor } from './actor.ts'
import type { Wanted } from './app.ts'
import type { Call, Mirrored, Phase, Refused, Scrape, Span } from './capture.ts'
import { intents, type Intent } from './intents.ts'
import { mirrored, placeIn, type Place } from './place.ts'
import { innerRefusals, post, refusals, sealCarelessly, type Refusal } from './refusals.ts'
import type { Subject } from './subject.ts'
import { monotonic } from './tap.ts'
import type { Planted } from './planted.ts'
import { arrivals as poisson } from '../stats/draws.ts'
import { createRng } from '../stats/rng.ts'

export type WorkloadOptions = {
  readonly subject: Subject
  readonly cast: readonly Planted[]
  readonly phases: readonly Phase[]
  /** sealed requests of each client in the phase `calls` */
  readonly each: number
  /** requests in the phase `arrivals` (default: none) */
  readonly arrivals?: number | undefined
  readonly secrets: (line: string) => void
  /** an address that an answer names, and that nobody should ask */
  readonly trap: string
  /** What careless clients do, for controls. */
  readonly careless?: Careless | undefined
  /** Whole minutes, so that a page of metrics that changes with the minute can be told from one that changes with a request. */
  readonly untilMinute?: () => Promise<void>
}

export type Careless = { readonly seals?: true; readonly loadsImages?: true }

export type Done = {
  readonly calls: readonly Call[]
  readonly refused: readonly Refused[]
  readonly mirrored: readonly Mirrored[]
  readonly single: readonly Scrape[]
  readonly spans: readonly Span[]
}

export async function runWorkload(options: WorkloadOptions): Promise<Done> {
  const work = new Workload(options)
  try {
    for (const phase of options.phases) await work.run(phase)
    return work.done
  } finally {
    work.close()
  }
}

class Workload {
  readonly #options: WorkloadOptions
  readonly #actors: readonly Actor[]
  readonly #place: Place
  readonly #calls: Call[] = []
  readonly #refused: Refused[] = []
  readonly #mirrored: Mirrored[] = []
  readonly #single: Scrape[] = []
  readonly #spans: Span[] = []

  constructor(options: WorkloadOptions) {
    this.#options = options
    const { subject, cast, secrets } = options
    this.#actors = cast.map((planted, index) => new Actor(subject, planted, index, secrets))
    this.#place = placeIn(subject.pair.placement)
  }

  get done(): Done {
    return {
      ...{ calls: this.#calls, refused: this.#refused, mirrored: this.#mirrored },
      ...{ single: this.#single, spans: this.#spans },
    }
  }

  async run(phase: Phase): Promise<void> {
    const from = monotonic()
    await this.#phases[phase]()
    this.#spans.push({ phase, from, to: monotonic() })
  }

  close(): void {
    for (const { client } of this.#actors) client.close()
  }

  readonly #phases: Readonly<Record<Phase, () => Promise<unknown>>> = {
    keys: () => this.#all((actor) => this.#fetchKeys(actor)),
    calls: () => this.#all((actor) => this.#ask(actor, 'calls', this.#options.each)),
    statuses: () => this.#all((actor) => this.#statuses(actor)),
    refusals: () => this.#all((actor) => this.#refusedBy(actor)),
    departures: () => this.#all((actor) => this.#depart(actor), 4),
    drips: () => this.#all((actor) => this.#dawdle(actor), 4),
    streams: () => this.#all((actor) => this.#stream(actor), 4),
    arrivals: () => this.#arrive(),
    single: () => this.#alone(),
  }

  async #all(act: (actor: Actor) => Promise<void>, most = this.#actors.length): Promise<void> {
    await Promise.all(this.#actors.slice(0, most).map(act))
  }

  async #fetchKeys({ client, fetch }: Actor): Promise<void> {
    await fetch.ready()
    // Whoever needs the bare list in `sealed` gets none: there a client without assurance has no place.
    const wanted = this.#place.cvm === undefined ? mirrored : { bundle: mirrored.bundle }
    for (const [resource, path] of Object.entries(wanted)) {
      const { status, body } = await client.send({ method: 'GET', path })
      const digest = status === 200 ? createHash('sha256').update(body).digest('hex') : `status ${String(status)}`
      this.#mirrored.push({ client: client.index, resource, digest })
    }
  }

  async #ask(actor: Actor, phase: Phase, times: number): Promise<void> {
    if (this.#options.careless?.seals === true) await this.#carelessly(actor)
    for (let i = 0; i < times; i++) {
      const intent = (actor.client.index + i) % intents.length
      await this.#call(actor, phase, intent, intents[intent] as Intent)
    }
  }

  async #statuses(actor: Actor): Promise<void> {
    for (const status of [200, 404, 418, 503]) {
      await this.#call(
        actor,
        'statuses',
        0,
        { asked: 200, told: 200 },
        { status, says: actor.client.planted.inner.error },
      )
    }
  }

  async #refusedBy({ client, fetch }: Actor): Promise<void> {
    await fetch.ready()
    for (const { kind, group, innerGroup, try: attempt } of this.#refusals()) {
      const tried = await attempt(client, this.#place)
      this.#refused.push({ client: client.index, kind, group, ...(innerGroup && { innerGroup }), ...tried })
    }
  }

  #refusals(): readonly Refusal[] {
    const all = this.#place.cvm === undefined ? refusals : [...refusals, ...innerRefusals]
    // Where the relay looks at lengths, those off the grid are its own to refuse.
    const direct = this.#options.subject.pair.profile === 'direct'
    return all.map((each) => (each.offGrid === true && !direct ? { ...each, group: `relay: ${each.kind}` } : each))
  }

  /** The request is under way, and its client leaves without a word. */
  async #depart({ client, fetch }: Actor): Promise<void> {
    await fetch.ready()
    client.manner = { leaveAfter: stayFor }
    const size = { asked: 300, told: 300 }
    await this.#ask_(fetch, client.planted, size, { wait: answerAfter }).catch(() => undefined)
    client.manner = {}
    // The gateway's answer comes when the client is long gone.
    await sleep(answerAfter + 50)
  }

  async #dawdle(actor: Actor): Promise<void> {
    await actor.fetch.ready()
    // Longer than a tick, whichever part of one it begins in.
    actor.client.manner = { drip: { pieces: 8, pause: this.#options.subject.pair.profile === 'direct' ? 25 : 60 } }
    await this.#call(actor, 'drips', 0, { asked: 6000, told: 300 })
    actor.client.manner = {}
  }

  async #stream(actor: Actor): Promise<void> {
    const fields = { 'cache-control': 'no-store' }
    const pause = this.#options.subject.pair.profile === 'paced' ? 40 : 15
    const wanted = { pieces: 24, pause, type: 'text/event-stream', fields }
    await this.#call(actor, 'streams', 0, { asked: 300, told: 24 * 40 }, wanted)
  }

  /** Requests of one kind at a rate that is not theirs to set, from whichever client has nothing else to do. privacy.md 2.5 */
  async #arrive(): Promise<void> {
    const { arrivals = 0 } = this.#options
    const [kind] = intents
    if (kind === undefined || arrivals === 0) return
    const times = poisson(createRng(1, 'arrivals'), arrivals, 1000 / arrivalRate)
    const from = monotonic()
    const waiting = this.#actors.map((actor) => actor)
    const under: Promise<void>[] = []
    for (const time of times) {
      await sleep(Math.max(0, from + time - monotonic()))
      const actor = waiting.shift()
      if (actor === undefined) continue
      under.push(this.#call(actor, 'arrivals', 0, kind).then(() => void waiting.push(actor)))
    }
    await Promise.all(under)
  }

  /** One request between two looks at the pages of metrics, nobody else being there. */
  async #alone(): Promise<void> {
    const { subject, untilMinute = () => Promise.resolve() } = this.#options
    const [actor] = this.#actors
    if (actor === undefined) return
    await actor.fetch.ready()
    await untilMinute()
    const look = async (): Promise<void> => {
      for (const operator of subject.pair.pages)
        this.#single.push({ operator, t: monotonic(), page: await subject.metrics(operator) })
    }
    await look()
    await this.#call(actor, 'single', 0, { asked: 300, told: 300 })
    await sleep(20)
    await look()
  }

  async #call(actor: Actor, phase: Phase, intent: number, size: Intent, more: Partial<Wanted> = {}): Promise<void> {
    const { client, fetch } = actor
    actor.listen()
    const answer = await this.#ask_(fetch, client.planted, size, more)
    const text = await answer.text()
    const told = text.length
    const image = this.#options.careless?.loadsImages === true ? /http:[^)]+/.exec(text)?.[0] : undefined
    if (image !== undefined) await globalThis.fetch(image)
    const { status } = answer
    this.#calls.push({
      client: client.index,
      intent,
      phase,
      path: `${client.planted.inner.path}${client.planted.inner.query}`,
      asked: size.asked,
      told,
      status,
      ...actor.overheard,
    })
  }

  async #carelessly({ client }: Actor): Promise<void> {
    const { message, inside } = await sealCarelessly(client, this.#place)
    const { status } = await post(client, this.#place, message)
    const call = { client: client.index, intent: 0, phase: 'calls', asked: inside.length, told: 20, status } as const
    // In `sealed` such a client has sealed to the gateway alone.
    this.#calls.push({ ...call, message, inside, ...(this.#place.cvm === undefined ? {} : { shown: inside }) })
  }

  #ask_(fetch: ObliviousFetch, { inner }: Planted, size: Intent, more: Partial<Wanted>): Promise<Response> {
    const marks = { 'x-mark': inner.answered, 'set-cookie': `m=${inner.answered}; Path=/`, etag: `"${inner.answered}"` }
    const { fields = {}, ...others } = more
    const says = `${inner.says} ![](${this.#options.trap}/${inner.says})`
    const answer: Wanted = { says, length: size.told, ...others, fields: { ...marks, ...fields } }
    const head = JSON.stringify({ prompt: inner.prompt, answer, pad: '' })
    const pad = 'ask '.repeat(Math.ceil(size.asked / 4)).slice(0, Math.max(0, size.asked - head.length))
    const body = JSON.stringify({ prompt: inner.prompt, answer, pad })
    const accept = more.type === 'text/event-stream' ? { accept: 'text/event-stream' } : {}
    const headers = { 'content-type': 'application/json', 'x-mark': inner.header, cookie: inner.cookie, ...accept }
    return fetch(`${appOrigin}${inner.path}${inner.query}`, { method: 'POST', headers, body })
  }
}

/** Requests a second in the phase `arrivals`: two for each tick. */
const arrivalRate = 40
const stayFor = 60
const answerAfter = 160
