/** The pages that are made from rows of settings: tables in the READMEs, and the full examples in deploy/. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatewayDefinition } from '../../gateway/config.ts'
import { agentSettings } from '../../gateway/cvm/config.ts'
import { relayDefinition } from '../../relay/config.ts'
import type { Definition } from '../../shared/config/read.ts'
import { flagOf, variableOf } from '../../shared/config/names.ts'
import { listed, type Listed } from '../../shared/config/rows.ts'
import { defaultOf } from '../../shared/config/value.ts'
import { fullExample } from './full-example.ts'
import { root } from './walk.ts'

export type Page = { readonly file: string; readonly text: string }
type Owner = Pick<Definition, 'service' | 'rows'>

/** Every page as it should be now. */
export function pages(): readonly Page[] {
  return [
    between('relay/README.md', { settings: serviceTable(relayDefinition) }),
    between('gateway/README.md', { settings: serviceTable(gatewayDefinition), 'agent settings': agentTable() }),
    example(relayDefinition, ['listen.tls', 'publicHosts', 'routes[].pins', 'routes[].clientCertificate']),
    example(gatewayDefinition, [
      'listen.tls',
      'relays',
      'publicHosts',
      'cvm',
      'cvm.identity',
      'policy',
      'targets',
      'bundle.signer',
    ]),
  ]
}

/** `on`: what may be left out but is shown in force. */
function example({ service, rows }: Owner, on: readonly string[]): Page {
  const head = `# Every setting of asunder-${service}, made from ${service}/config.ts by: npm run readme:settings
# A value is the default where its comment says so. A line behind a bare # is switched off: leave it out, or remove the #.
`
  return { file: `deploy/${service}/full.yaml`, text: `${head}\n${fullExample(rows, on)}` }
}

/** The file with what stands between its markers replaced. Throws where a marker is missing. */
function between(file: string, tables: Readonly<Record<string, string>>): Page {
  const old = readFileSync(join(root, file), 'utf8')
  const text = Object.entries(tables).reduce((all, [name, table]) => {
    const [start, end] = [`<!-- ${name}: made by npm run readme:settings -->\n`, `<!-- end of ${name} -->`]
    const [from, to] = [all.indexOf(start), all.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`${file} has no place for ${name}`)
    return `${all.slice(0, from + start.length)}\n${table}\n${all.slice(to)}`
  }, old)
  return { file, text }
}

function serviceTable({ service, rows }: Owner): string {
  const first = 'listen.port'
  const intro = `Each setting is also a variable of the environment, which wins over the file, and a flag, which wins over both:
\`${first}\`, \`${variableOf(service, first)}\`, \`${flagOf(first)}\`; lists of groups are counted from 0, lists of words have
commas. Durations are written \`500ms\`, \`30s\`, \`5min\`, \`12h\`, or as a number of milliseconds; sizes \`64KiB\`, \`1MiB\`,
\`1GiB\`, or as a number of octets. Files are relative to the settings file; a secret file has mode 0600 or 0400, or is
\`credential:NAME\`, the file NAME in \`$CREDENTIALS_DIRECTORY\`: systemd's \`LoadCredential=NAME:FILE\`, or in a container the
folder where secrets are mounted. No setting takes the secret itself.
`
  const lines = listed(rows).map((one) => line([code(one.path), one.row.kind.name, usual(one), one.row.says]))
  return `${intro}\n${tableOf(['setting', 'kind', 'default', 'what it says'], lines)}`
}

function agentTable(): string {
  const lines = agentSettings.map(([name, says]) => line([code(name), says]))
  return tableOf(['setting', 'what it says'], lines)
}

/** What holds where the setting is left out. */
function usual({ row, without }: Listed): string {
  const fallback = defaultOf(row)
  if (fallback !== undefined) return code(fallback.shown)
  if (row.absent !== undefined) return row.absent
  return without === undefined ? '**required**' : `${without}; all of it or none`
}

function tableOf(heads: readonly string[], lines: readonly string[]): string {
  return `${[line(heads), `|${heads.map(() => '---|').join('')}`, ...lines].join('\n')}\n`
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function code(text: string): string {
  return `\`${text}\``
}
