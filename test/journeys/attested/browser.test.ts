/** A web page as the client of each placement, in a real Chromium: it judges the evidence itself, and seals twice. */
import { existsSync } from 'node:fs'
import { build } from 'esbuild'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromLatin1 } from '../../../shared/bytes.ts'
import type { Outcome, Question } from '../../shared/client/page.ts'
import { serve } from '../../shared/client/town.ts'
import { street, type Street } from './street.ts'

const chromiumPath = '/usr/bin/chromium'
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
]
const there = existsSync(chromiumPath)
if (!there) process.stderr.write(`skipped: no ${chromiumPath} to run the attested placements in\n`)

describe.runIf(there)('in a page', { timeout: 60_000 }, () => {
  let browser: Browser
  let site: Awaited<ReturnType<typeof serve>>

  beforeAll(async () => {
    const { outputFiles } = await build({
      ...{ entryPoints: ['test/shared/client/page.ts'], outdir: 'unwritten', write: false },
      ...{ bundle: true, format: 'esm', platform: 'browser', external: ['crypto'], logLevel: 'error' },
    })
    const text = outputFiles[0]?.text ?? ''
    site = await serve((request, response) => {
      const script = request.url === '/page.js'
      response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
      response.end(script ? text : '<!doctype html><script type=module src=/page.js></script>')
    })
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  })

  afterAll(async () => {
    await browser.close()
    await site.close()
  })

  async function ask(
    { relay, trust, placement, allowSimulated }: Street,
    family: Question['family'],
    changes: Partial<Question> = {},
  ): Promise<Outcome> {
    const page = await browser.newPage()
    try {
      await page.goto(site.url)
      const leave = allowSimulated === undefined ? {} : { allowSimulated }
      const question: Question = { relay, trust, placement, family, ...leave, ...changes }
      return await page.evaluate<Outcome>(`ask(${JSON.stringify(question)})`)
    } finally {
      await page.close()
    }
  }

  test.each(['inside', 'sealed'] as const)('placement %s, both families', async (placement) => {
    const place = await street(placement)
    for (const family of ['standard', 'chunked'] as const) {
      const outcome = await ask(place, family)
      expect('parts' in outcome ? outcome.parts.join('') : outcome.code).toBe('the dossier')
    }
    expect(place.posts.filter((body) => fromLatin1(body).includes('dossier'))).toEqual([])
    expect(place.posts).toHaveLength(2)
  })

  test('what does not hold is refused there too, and nothing is sent', async () => {
    const place = await street('sealed')
    const leave = { rootSha256: 'ab'.repeat(32), measurement: 'cd'.repeat(48) }
    expect(await ask(place, 'standard', { allowSimulated: leave })).toEqual({ code: 'evidence-refused' })
    expect(await ask(place, 'standard', { placement: 'inside' })).toEqual({ code: 'placement-mismatch' })
    expect(place.posts).toEqual([])
  })
})
