/** `npm run readme:metrics`: writes the pages that are made from tables of metrics. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pages } from './metrics-pages.ts'
import { root } from './walk.ts'

for (const { file, text } of pages()) writeFileSync(join(root, file), text)
