/** report.html in a real Chromium without scripts: desktop and phone, light and dark. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { columns, ownContract, placements } from '../contract.ts'
import { htmlOf } from './html.ts'
import { cellRow, plotRows, reportOf, testRow } from './sample.ts'

const chromiumPath = '/usr/bin/chromium'
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking']

if (!existsSync(chromiumPath)) process.stderr.write(`skipped: no ${chromiumPath} to look at the report in\n`)

/** Every verdict there is, long words, and the whole matrix. */
function everything(): string {
  const verdicts = [
    'seen',
    'unseen',
    'clear',
    'violation',
    'blind',
    'measured',
    'held',
    'not-observable',
    'absent',
  ] as const
  const matrix = ownContract('front').fields.flatMap(({ id }, i) =>
    columns.map((party, j) => cellRow({ field: id, party, verdict: verdicts[(i + j) % verdicts.length] ?? 'seen' })),
  )
  const long = 'x'.repeat(300)
  const tests = (['pass', 'fail', 'inconclusive', 'report'] as const).map((verdict) =>
    testRow({
      id: `some.test-${verdict}`,
      verdict,
      found: [long],
      replay: `npm run leaktest -- --tests ${long}`,
      metric: 'words '.repeat(30),
    }),
  )
  const mutants = [true, false].map((caught) => ({
    name: `m-${String(caught)}`,
    level: 1 as const,
    leak: 'words '.repeat(20),
    test: 'a.test',
    caught,
  }))
  return htmlOf(reportOf({ tests, matrix, mutants, plots: plotRows }, placements))
}

describe.skipIf(!existsSync(chromiumPath))('report.html in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'))
  const file = join(folder, 'report.html')
  let browser: Browser
  beforeAll(async () => {
    writeFileSync(file, everything())
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags })
  })
  afterAll(async () => {
    await browser.close()
    rmSync(folder, { recursive: true })
  })

  const looks = [1280, 390].flatMap((width) => (['light', 'dark'] as const).map((scheme) => [width, scheme] as const))

  test.each(looks)('at %i pixels in %s fits its window, asks for nothing, and can be read', async (width, scheme) => {
    const context = await browser.newContext({
      viewport: { width, height: 900 },
      colorScheme: scheme,
      javaScriptEnabled: false,
    })
    try {
      const page = await context.newPage()
      const asked: string[] = []
      const troubles: string[] = []
      page.on('request', (request) => asked.push(request.url()))
      page.on('console', (message) => troubles.push(message.text()))
      await page.goto(`file://${file}`)
      expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([`file://${file}`])
      expect(troubles).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(0)
      expect(await page.locator('.matrix tbody tr').count()).toBe(34 * placements.length)
      expect(await page.locator('svg').first().isVisible()).toBe(true)
      expect(await page.evaluate(faint)).toEqual([])
    } finally {
      await context.close()
    }
  })
})

/** Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3). Runs in the page. */
const faint = `(() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number)
  const light = (colour) => {
    const linear = colour.slice(0, 3).map((value) => (value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }
  const behind = (element) => {
    if (element === null) return [255, 255, 255]
    const own = channels(getComputedStyle(element).backgroundColor)
    return own.length === 4 && own[3] === 0 ? behind(element.parentElement) : own
  }
  return [...document.querySelectorAll('p,td,th,code,.tag,.verdict,a,summary,figcaption')].flatMap((element) => {
    const text = element.textContent.trim()
    const [one, other] = [light(channels(getComputedStyle(element).color)), light(behind(element))]
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)
    return text !== '' && ratio < 4.5 ? [element.className + ' ' + text.slice(0, 30) + ': ' + ratio.toFixed(2)] : []
  })
})()`
