/**
 * What an attested link carries: requests that the gateway has opened, as they are (`front`), or the resources by which
 * keys that live here are found, attested and used (`inside`, `sealed`), and then nothing else. trust.md 3-5.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { keyResources, writeKeyList } from '../../shared/attestation/key-evidence.ts'
import { Refusal, type RefusalCode } from '../../shared/refusal.ts'
import type { AppBridge } from './app-bridge.ts'
import type { KeyEvidence } from './key-evidence.ts'
import type { OwnKeys } from './own-keys.ts'
import type { SealedRequests } from './requests.ts'

/** Takes a request on a link that has shown evidence, or says why not. */
export type Served = (request: IncomingMessage, response: ServerResponse) => 'taken' | 'unwritable' | 'unknown'

export type OwnLinks = {
  readonly keys: OwnKeys
  readonly evidence: KeyEvidence
  /** `sealed` alone: in `inside` messages come from the relay, on a listener of their own */
  readonly sealed?: SealedRequests | undefined
  readonly told: (withheld?: RefusalCode | 'fault') => void
}

// What Node's parser took, Node's writer takes; where they differ (a path, say), nothing has been sent yet.
export function passing(bridge: AppBridge): Served {
  return (request, response) => {
    try {
      bridge(request, response)
      return 'taken'
    } catch {
      return 'unwritable'
    }
  }
}

export function own(links: OwnLinks): Served {
  return (request, response) => {
    const asked = `${request.method ?? ''} ${request.url ?? ''}`
    if (asked === `GET ${keyResources.list}`) answerJson(response, 200, listOf(links.keys))
    else if (asked === `POST ${keyResources.evidence}`) void giveEvidence(request, response, links)
    else if (asked === `POST ${keyResources.sealed}` && links.sealed !== undefined) links.sealed(request, response)
    else return 'unknown'
    return 'taken'
  }
}

function listOf(keys: OwnKeys): string {
  return writeKeyList(keys.living().map(({ keyConfig }) => keyConfig))
}

async function giveEvidence(
  request: IncomingMessage,
  response: ServerResponse,
  { evidence, told }: OwnLinks,
): Promise<void> {
  try {
    answerJson(response, 200, await evidence(request as AsyncIterable<Uint8Array>))
    told()
  } catch (cause) {
    told(cause instanceof Refusal ? cause.code : 'fault')
    // The publisher comes again; the link serves nobody else, so it need not be kept.
    response.shouldKeepAlive = false
    answerJson(response, 503, '{}')
  }
}

function answerJson(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return
  response.sendDate = false
  const fields = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  response.writeHead(status, fields).end(text)
}
