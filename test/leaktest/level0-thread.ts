/** Level 0 in a thread of its own, so that it computes while processes of level 1 wait for each other. */
import { parentPort, workerData } from 'node:worker_threads'
import { level0, type Level0, type Level0Options } from './level0.ts'

export type Told =
  | { readonly step: { readonly done: number; readonly total: number; readonly doing: string } }
  | { readonly found: Level0 }

const tell = (told: Told): void => parentPort?.postMessage(told)

const found = await level0({ ...(workerData as Level0Options), progress: (step) => tell({ step }) })
tell({ found })
