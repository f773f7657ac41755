/** `npm run readme:settings`: writes the pages that are made from rows of settings. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pages } from './settings-pages.ts'
import { root } from './walk.ts'

for (const { file, text } of pages()) writeFileSync(join(root, file), text)
