/** A settings file as a tree whose every part knows where it stands. YAML 1.2, of which JSON is a part; no tags, no anchors. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair } from 'yaml'
import type { Mistake } from './mistake.ts'

export type Tree = {
  /** `file:line:column` of the value */
  readonly at: string
  /** the value as YAML reads it, lists and maps included */
  readonly value: unknown
  /** what stands in a map, in its order */
  readonly fields?: ReadonlyMap<string, Field>
  /** what stands in a list */
  readonly items?: readonly Tree[]
}

/** A key, where it stands, and what it has. */
export type Field = { readonly at: string; readonly tree: Tree }

/** `tree` is missing where the text cannot be trusted to say what it seems to say. */
export type Parsed = { readonly tree: Tree | undefined; readonly mistakes: readonly Mistake[] }

type Where = (node: { readonly range?: Node['range'] }) => string

export function parseSettings(text: string, source: string): Parsed {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, schema: 'core', strict: true })
  const place = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset)
    return `${source}:${line}:${col}`
  }
  const mistakes = [...document.errors, ...document.warnings].map(({ code, message, pos: [offset] }) => {
    if (code === 'DUPLICATE_KEY') return secondOf(document.contents, offset, place)
    const known = syntax[code] ?? [`this is not YAML: ${message}`, 'mend the line']
    return { where: place(offset), path: '', wrong: known[0], remedy: known[1] }
  })
  if (document.directives.yaml.version !== '1.2') mistakes.push(directive(source))
  const where: Where = ({ range }) => place(range?.[0] ?? 0)
  const tricks = tricksIn(document, where)
  // Everything but a key twice leaves it open what belongs where.
  const readable = document.errors.every(({ code }) => code === 'DUPLICATE_KEY') && tricks.length === 0
  return { tree: readable ? treeOf(document.contents, where, source) : undefined, mistakes: [...mistakes, ...tricks] }
}

const syntax: Readonly<Record<string, readonly [wrong: string, remedy: string]>> = {
  TAB_AS_INDENT: ['a tab is no indentation in YAML', 'indent with spaces'],
  MULTIPLE_DOCS: ['a second document begins here', 'keep one document, without a second line ---'],
  TAG_RESOLVE_FAILED: ['settings have no tags', 'remove what begins with an exclamation mark'],
  BAD_INDENT: [
    'the indentation is broken, or a bracket is not closed',
    'line up the keys of a group, close the bracket',
  ],
  BLOCK_AS_IMPLICIT_KEY: ['two keys on one line', 'give each key a line of its own, and texts with a colon quotes'],
  MISSING_CHAR: ['a character is missing, such as a colon, a quote or a bracket', 'close what was opened'],
}

/** A key that stands twice in one map: which, and where it stood before. */
function secondOf(node: unknown, offset: number, place: (offset: number) => string): Mistake {
  const [first, second] = pairAt(node, offset) ?? []
  const name = isScalar(second) ? String(second.value) : 'this key'
  const before = first?.range?.[0]
  const wrong = `${name} stands here a second time${before === undefined ? '' : `; the first is ${place(before)}`}`
  return { where: place(offset), path: '', wrong, remedy: 'keep the one that you mean' }
}

/** The key that begins at `offset`, after the one of the same name. */
function pairAt(node: unknown, offset: number): readonly [Node, Node] | undefined {
  if (isSeq(node)) return firstOf(node.items, (item) => pairAt(item, offset))
  if (!isMap(node)) return undefined
  const keys = node.items.flatMap(({ key }) => (isScalar(key) ? [key] : []))
  const second = keys.find(({ range }) => range?.[0] === offset)
  const first = keys.find(({ value }) => value === second?.value)
  if (second !== undefined && first !== undefined) return [first, second]
  return firstOf(node.items, ({ value }) => pairAt(value, offset))
}

function firstOf<T, R>(all: readonly T[], look: (one: T) => R | undefined): R | undefined {
  for (const one of all) {
    const found = look(one)
    if (found !== undefined) return found
  }
  return undefined
}

function directive(source: string): Mistake {
  return { where: `${source}:1:1`, path: '', wrong: 'settings are YAML 1.2', remedy: 'remove the line %YAML' }
}

/** What reads as one thing and means another. Walked by hand: an alias may lead nowhere, or in a circle. */
function tricksIn(document: Document, where: Where): Mistake[] {
  const found: Mistake[] = []
  const look = (node: unknown): void => {
    if (isAlias(node)) found.push(trick(where(node), 'an alias (*) stands for a value'))
    else if (isMap(node)) node.items.flatMap(({ key, value }) => [key, value]).forEach(look)
    else if (isSeq(node)) node.items.forEach(look)
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.tag !== undefined)
      found.push(trick(where(node), 'a tag (!) gives this another type'))
  }
  look(document.contents)
  return found
}

function trick(where: string, wrong: string): Mistake {
  return { where, path: '', wrong, remedy: 'write the value out in place' }
}

function treeOf(node: unknown, where: Where, source: string): Tree {
  if (isMap(node)) {
    const fields = new Map(node.items.map((pair) => fieldOf(pair, where, source)))
    return { at: where(node), value: {}, fields }
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => treeOf(item, where, source))
    return { at: where(node), value: items.map(({ value }) => value), items }
  }
  if (isScalar(node)) return { at: where(node), value: node.value }
  return { at: `${source}:1:1`, value: null }
}

function fieldOf({ key, value }: Pair, where: Where, source: string): readonly [string, Field] {
  const at = isScalar(key) || isMap(key) || isSeq(key) ? where(key) : `${source}:1:1`
  const name = isScalar(key) ? String(key.value) : 'a key of several parts'
  // A key that nothing follows has its own place: there is no other.
  const tree = value === null ? { at, value: null } : treeOf(value, where, source)
  return [name, { at, tree }]
}
