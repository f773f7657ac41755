/** Of `sealed`: what tells the two layers apart, and that whoever handles one does not get at the other. trust.md 5. */
import { outerRoom } from '../../../../shared/bhttp/sealed-padding.ts'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import { onGrid } from '../../../../shared/shaping/buckets.ts'
import type { Capture } from '../capture.ts'
import type { Message } from '../heard.ts'
import { maskedHead } from '../heads.ts'
import { fieldOf } from './heads.ts'
import { counted, type LiveTest } from './live-test.ts'

const inSealed = { placements: ['sealed'], tier: 'T1' } as const

export const layers: readonly LiveTest[] = [
  {
    ...{ ...inSealed, id: 'size.inner', cells: ['F15 G', 'F15 H'] },
    metric: 'inner messages, both directions, that are no bucket less 512 octets',
    remedy: 'pad the inner message to its own bucket before it is sealed into the outer one',
    ask: (capture) => {
      const lengths = whole(capture).map(({ body }) => body.length)
      const off = lengths.filter((length) => !onGrid(length + outerRoom))
      return counted(
        off.length,
        lengths.length,
        off.map((length) => `${String(length)} octets`),
      )
    },
  },
  {
    ...{ ...inSealed, id: 'layers.apart', cells: ['F11 V', 'F12 V'] },
    metric: "KEM outputs of inner messages in the relay's hands, and of outer ones in the CVM's",
    remedy: 'seal the inner message before the outer one, and let only what the outer layer held go on',
    ask: (capture) => {
      const sample = sampleOf(capture.calls.filter(({ inner }) => inner !== undefined))
      const relays = heldOn(capture, ['a', 'b'])
      const cvms = heldOn(capture, ['d', 'app'])
      const outers = sample.filter(({ message }) => cvms.includes(outputOf(message)))
      const inners = sample.filter(({ inner }) => inner !== undefined && relays.includes(outputOf(inner)))
      const found = [
        ...outers.map(() => 'an outer message went into the CVM'),
        ...inners.map(() => 'an inner message went through the relay in the clear'),
      ]
      const answer = counted(found.length, sample.length, found)
      const followed = sample.every(
        ({ inner, message }) => cvms.includes(outputOf(inner ?? message)) && relays.includes(outputOf(message)),
      )
      return followed ? answer : { ...answer, doubt: 'messages were not found where they must be' }
    },
  },
  {
    ...{ ...inSealed, id: 'oracles.inner', tier: 'T2', cells: [] },
    metric:
      'distinct answers of the CVM to inner messages that do not open, or that open and are refused; of the class that has most',
    remedy: 'answer every member of the class with the same octets, or the same number of them',
    ask: (capture) => {
      const looks = innerLooks(capture)
      if (looks.length === 0) return undefined
      const classes = [...Map.groupBy(looks, ({ group }) => group).values()].map((all) => [
        ...new Set(all.map(({ look }) => look)),
      ])
      const worst = classes.reduce((most, each) => (each.length > most.length ? each : most))
      return counted(worst.length, looks.length, worst.length > 1 ? worst : [], 1)
    },
  },
]

/** Whole inner messages; streams are padded as their profile says, and the CVM's plain refusals are constants. */
function whole({ links }: Capture): Message[] {
  const both = links.d.flatMap(({ exchanges }) => exchanges.flatMap(({ request, response }) => [request, response]))
  return both
    .filter((message) => message !== undefined)
    .filter((message) => innerTypes.has(fieldOf(message, 'content-type') ?? ''))
}

const innerTypes: ReadonlySet<string> = new Set([mediaTypes.sealedRequest, mediaTypes.sealedResponse])

type Look = { readonly group: string; readonly look: string }

/** A refusal is the last answer that an inner message got: one that was sent twice was served once. */
function innerLooks({ refused, links }: Capture): Look[] {
  const answers = new Map(
    links.d.flatMap(({ exchanges }) => exchanges.map((each) => [beginning(each.request.body), each.response] as const)),
  )
  return refused.flatMap(({ inner, innerGroup }): Look[] => {
    const response = inner && answers.get(beginning(inner))
    if (response === undefined || innerGroup === undefined) return []
    const body = innerGroup === 'unopened' ? response.body.toString('latin1') : `${String(response.body.length)} octets`
    return [{ group: innerGroup, look: `${maskedHead(response.head)}\n${body}` }]
  })
}

/** Header and the beginning of the KEM output: no two messages have the same. */
function beginning(body: Buffer): string {
  return body.toString('latin1', 0, 39)
}

function outputOf(message: Buffer): Buffer {
  return message.subarray(7, 39)
}

function heldOn({ links }: Capture, which: readonly ('a' | 'b' | 'd' | 'app')[]): Buffer {
  const parts = which.flatMap((link) => links[link].flatMap(({ forward, backward }) => [forward, backward]))
  return Buffer.concat(parts.flatMap((part) => part ?? []))
}

function sampleOf<T>(all: readonly T[]): T[] {
  return all.filter((_, i) => i % Math.ceil(all.length / mostMessages) === 0)
}

const mostMessages = 48
