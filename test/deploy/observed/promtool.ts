/** promtool, Debian's package `prometheus`: parses and runs rules as Prometheus does. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export type Said = { readonly status: number | null; readonly said: string }

export const havePromtool = spawnSync('promtool', ['--version']).status === 0

export function promtool(args: readonly string[], input = ''): Said {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', input })
  return { status, said: stdout + stderr }
}

export function checkRules(rules: object): Said {
  return promtool(['check', 'rules', fileWith(rules)])
}

export function testRules(rules: object): Said {
  return promtool(['test', 'rules', fileWith(rules)])
}

/** JSON is YAML. */
function fileWith(content: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'promtool-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'file.yml')
  writeFileSync(file, JSON.stringify(content))
  return file
}
