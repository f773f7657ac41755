/** What a setting may be: how it is checked, written, and spoken of. The kinds themselves are in kinds.ts. */
import type { z } from 'zod'

export type Kind<T> = {
  /** one or two words for a table */
  readonly name: string
  /** takes the value of a file, gives the setting */
  readonly schema: z.ZodType<T>
  /** ends the sentence "this is not ..." */
  readonly demand: string
  readonly example: unknown
  /** From a variable or a flag to what a file would hold; what it cannot read it leaves for the schema to refuse. */
  readonly fromText: (text: string) => unknown
  /** The setting as an operator would write it. */
  show(setting: T): string
  /** where the value is one of these */
  readonly words?: readonly string[]
  /** the kind of each, where the value is a list */
  readonly each?: Kind<unknown>
  /** where the value names a file: who writes it, and whether only we may read it */
  readonly file?: FileUse
}

export type FileUse = {
  readonly writes: 'never' | 'sometimes' | 'always'
  readonly secret: boolean
  /** what must stand in it, once it is there */
  readonly holds?: Holding
}

export type Holding = {
  /** ends the sentence "the file is not ..." */
  readonly what: string
  /** Throws Refusal for what is not that. Its message never quotes the file. */
  readonly reads: (bytes: Buffer, now: number) => unknown
  /** a clause in the imperative */
  readonly remedy: string
  /** how many octets `reads` is given at most; 4 MiB, which is more than any text of ours has */
  readonly most?: number
}
