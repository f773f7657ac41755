/** What an issuer signs without seeing it, and how its answer becomes an authenticator. RFC 9578 §5 and §6. */
import type { Bytes } from '../bytes.ts'

export type Blinded = {
  readonly message: Bytes
  /** Throws where the answer is not genuine: the issuer used another key, or none. */
  readonly finish: (answer: Bytes) => Promise<Bytes>
}

export type Blinder = (input: Bytes) => Promise<Blinded>
