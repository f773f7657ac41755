/** What an application in a browser does; bundled for the page of browser.test.ts, which calls `ask` from outside. */
import type { AllowSimulated } from '../../../shared/attestation/policy.ts'
import type { Placement } from '../../../shared/attestation/trust-root.ts'
import { createObliviousFetch, ObliviousError } from '../../../shared/client/browser.ts'
import { createWallet, type Issuer } from '../../../shared/client/tokens.ts'

export type Question = {
  readonly relay: string
  readonly trust: string
  readonly family: 'standard' | 'chunked'
  /** `front` where it says nothing */
  readonly placement?: Placement
  readonly allowSimulated?: AllowSimulated
  readonly issuers?: { readonly relay: Issuer; readonly gateway: Issuer }
}

/** The pieces of the answer as they came, or the code of the typed error. */
export type Outcome = { readonly parts: string[] } | { readonly code: string }

async function ask({ issuers, ...question }: Question): Promise<Outcome> {
  const wallet = (issuer: Issuer) => createWallet({ issuer, batch: 2, delay: 0, plaintextLoopback: true })
  const tokens = issuers && { relay: wallet(issuers.relay), gateway: wallet(issuers.gateway) }
  const options = { placement: 'front' as const, ...question, plaintextLoopback: true }
  const fetch = createObliviousFetch(tokens === undefined ? options : { ...options, tokens })
  try {
    const answer = await fetch('https://app.asunder.example/v1/notes', { method: 'POST', body: 'the dossier' })
    const parts: string[] = []
    for await (const part of answer.body ?? []) parts.push(new TextDecoder().decode(part as Uint8Array))
    return { parts }
  } catch (error) {
    return { code: error instanceof ObliviousError ? error.code : String(error) }
  }
}

Object.assign(globalThis, { ask })
