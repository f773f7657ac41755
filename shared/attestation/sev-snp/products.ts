/** AMD's products: which root, processors, firmware counters and certificates go together. attestation.md a.2, a.3. */

export const productNames = ['Milan', 'Genoa', 'Turin'] as const
export type Product = (typeof productNames)[number]

/** VCEK: made from one chip's secret. VLEK: given to a cloud provider, says nothing of the chip. */
export type LeafKind = 'VCEK' | 'VLEK'

/** What a byte of TCB_VERSION counts. Reserved bytes keep the name that leaf certificates have for them. */
export type TcbPart = 'fmc' | 'bl' | 'tee' | 'snp' | 'ucode' | 'spl4' | 'spl5' | 'spl6' | 'spl7'

export type ProductRow = {
  readonly name: Product
  /** SHA-256 of the DER of AMD's root, lower-case hex: what a trust root pins */
  readonly root: string
  /** combined family, and the combined models from-to */
  readonly family: number
  readonly models: readonly (readonly [from: number, to: number])[]
  /** TCB_VERSION from its first byte to its last */
  readonly layout: readonly TcbPart[]
  readonly structVersion: number
  readonly hwidLength: number
}

const classic = ['bl', 'tee', 'spl4', 'spl5', 'spl6', 'spl7', 'snp', 'ucode'] as const

export const products: Readonly<Record<Product, ProductRow>> = {
  Milan: {
    name: 'Milan',
    root: '69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd',
    family: 0x19,
    models: [[0x00, 0x0f]],
    layout: classic,
    structVersion: 0,
    hwidLength: 64,
  },
  // With Bergamo and Siena, whose certificates say Genoa as well.
  Genoa: {
    name: 'Genoa',
    root: '4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1',
    family: 0x19,
    models: [
      [0x10, 0x1f],
      [0xa0, 0xaf],
    ],
    layout: classic,
    structVersion: 0,
    hwidLength: 64,
  },
  Turin: {
    name: 'Turin',
    root: '1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a',
    family: 0x1a,
    models: [[0x00, 0x1f]],
    layout: ['fmc', 'bl', 'tee', 'snp', 'spl5', 'spl6', 'spl7', 'ucode'],
    structVersion: 1,
    hwidLength: 8,
  },
}

/** The parts that mean something; the others are zero for ever. */
export function countedParts({ layout }: ProductRow): readonly TcbPart[] {
  return layout.filter((part) => !part.startsWith('spl'))
}

export function productOfCpu(family: number, model: number): ProductRow | undefined {
  return Object.values(products).find(
    (row) => row.family === family && row.models.some(([from, to]) => from <= model && model <= to),
  )
}

/** Fixed common names. */
export const names = {
  root: ({ name }: ProductRow) => `ARK-${name}`,
  issuer: ({ name }: ProductRow, kind: LeafKind) => (kind === 'VCEK' ? `SEV-${name}` : `SEV-VLEK-${name}`),
  leaf: (kind: LeafKind) => `SEV-${kind}`,
} as const
