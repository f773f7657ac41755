/** `npm run image:files`: writes the lists of what the images hold. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lists } from './image-files.ts'
import { root } from './walk.ts'

for (const [file, lines] of Object.entries(lists)) writeFileSync(join(root, file), `${lines().join('\n')}\n`)
