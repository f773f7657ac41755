/** Relays that do one thing wrong, for the town's hooks. */
import type { Problem } from '../../../shared/http/problem.ts'
import type { Misbehaviour } from './town.ts'

export const lie = '<html>You have won a prize</html>'

export function answering(status: number, fields: Record<string, string> = {}, body = ''): Misbehaviour {
  return (_request, response) => {
    response.writeHead(status, fields).end(body)
    return true
  }
}

export const sending = ({ status, fields, body }: Problem): Misbehaviour => answering(status, fields, body)
