/** A question of our own to an agent, over a connection that was judged, with a short answer. */
import { fromUtf8 } from '../shared/bytes.ts'
import { Refusal } from '../shared/refusal.ts'
import type { AttestedCvm, CvmRequest, CvmResponse } from './attested-cvm.ts'
import { gather } from './from-cvm.ts'

export type CvmQuestion = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: CvmRequest['body']
  /** octets of the answer at most */
  readonly limit: number
}

/** Throws CvmFailure, or Refusal `evidence-unavailable` where the agent says no. */
export async function askCvm(cvm: Pick<AttestedCvm, 'send'>, question: CvmQuestion): Promise<string> {
  const { method, path, body, limit } = question
  const headers = [
    ['host', 'cvm.invalid'],
    ['content-type', 'application/json'],
  ] as const
  const response: CvmResponse = await cvm.send({ method, path, headers, body })
  const bytes = await gather(response, limit)
  if (response.status !== 200) throw new Refusal('evidence-unavailable', `the agent answered ${response.status}`)
  return fromUtf8(bytes)
}
