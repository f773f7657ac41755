/** Every live test, in the order of the report. */
import { connections } from './connections.ts'
import { heads } from './heads.ts'
import { inner } from './inner.ts'
import { keys } from './keys.ts'
import { layers } from './layers.ts'
import { mixing } from './mixing.ts'
import { kept } from './kept.ts'
import { oracles } from './oracles.ts'
import { sizes } from './sizes.ts'
import { streams } from './streams.ts'
import type { LiveTest } from './live-test.ts'

export const liveTests: readonly LiveTest[] = [
  ...heads,
  ...sizes,
  ...connections,
  ...keys,
  ...oracles,
  ...kept,
  ...inner,
  ...layers,
  ...mixing,
  ...streams,
]
