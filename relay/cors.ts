/** Cross-origin sharing (Fetch §3.2): off, or one constant for everybody; never credentials, never an echoed origin. */
import type { Problem } from '../shared/http/problem.ts'

export type Cors = {
  /** The answer to OPTIONS, where there is one. */
  preflight(method: string): Response | undefined
  add(fields: Record<string, string>): Record<string, string>
  dress(refused: Problem): Problem
}

const onEvery = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' }
// A page must see the challenge that it is to answer.
const withTokens = { ...onEvery, 'access-control-expose-headers': 'retry-after, www-authenticate' }
const onPreflight = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'content-type, incremental, authorization',
  'access-control-max-age': '86400',
}

export function cors(on: boolean, tokens = false): Cors {
  const added = tokens ? withTokens : onEvery
  const add = (fields: Record<string, string>): Record<string, string> => (on ? { ...fields, ...added } : fields)
  return {
    preflight: (method) =>
      on && method === 'OPTIONS' ? new Response(null, { status: 204, headers: onPreflight }) : undefined,
    add,
    dress: (refused) => (on ? { ...refused, fields: add(refused.fields) } : refused),
  }
}
