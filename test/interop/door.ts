/**
 * The door: JSON lines in, JSON lines out, each case run through the very functions that the services and the client
 * call. It holds no answers. `npm run --silent door < cases.jsonl`; one line in gives one line out, in order.
 *
 * In: {"id", "op", ...}. Out: {"id", "ok"} | {"id", "refused": CODE} | {"id", "unsupported": true} | {"id", "crash"}.
 */
import { createInterface } from 'node:readline'
import { Refusal } from '../../shared/refusal.ts'
import { Case, type Op } from './case.ts'
import { logOps } from './ops-log.ts'
import { judgeOps } from './ops-judge.ts'
import { messageOps } from './ops-messages.ts'
import { hpkeOps } from './ops-hpke.ts'
import { ohttpOps } from './ops-ohttp.ts'
import { tokenOps } from './ops-tokens.ts'
import { trustOps } from './ops-trust.ts'

const ops: Readonly<Record<string, Op>> = {
  ...messageOps,
  ...hpkeOps,
  ...ohttpOps,
  ...logOps,
  ...tokenOps,
  ...trustOps,
  ...judgeOps,
}

async function answer(line: string): Promise<object> {
  let id: unknown = null
  try {
    const input = Case.parse(line)
    id = input.raw('id') ?? null
    const name = input.text('op')
    const op = Object.hasOwn(ops, name) ? ops[name] : undefined
    return op === undefined ? { id, unsupported: true } : { id, ok: await op(input) }
  } catch (error) {
    if (error instanceof Refusal) return { id, refused: error.code }
    return { id, crash: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  if (line.trim() !== '') process.stdout.write(`${JSON.stringify(await answer(line))}\n`)
}
