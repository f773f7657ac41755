/** Plots as inline SVG: no script, colours from the page's own variables, so that they are right in light and dark. */
import type { ReportPlot } from './schema.ts'
import { escaped } from './text.ts'

const width = 640
const height = 300
const edge = { left: 58, right: 14, top: 12, bottom: 44 }
const inner = { width: width - edge.left - edge.right, height: height - edge.top - edge.bottom }
const colours = 6

type Point = readonly [number, number]
type Scale = { readonly at: (value: number) => number; readonly ticks: readonly number[] }
type Lines = Extract<ReportPlot, { kind: 'lines' }>
type Grid = Extract<ReportPlot, { kind: 'grid' }>

export function svgOf(plot: ReportPlot): string {
  const body = plot.kind === 'lines' ? linesOf(plot) : gridOf(plot)
  const legend = plot.kind === 'lines' ? legendOf(plot) : ''
  const label = escaped(`${plot.title}, n = ${String(plot.n)}`)
  return `<svg viewBox="0 0 ${String(width)} ${String(height)}" role="img" aria-label="${label}">${body}${titles(plot)}</svg>${legend}`
}

function linesOf({ lines, scale }: Lines): string {
  const points = lines.flatMap((line) => line.points)
  const x = (scale === 'log' ? logarithmic : linear)(
    extent(
      points.map(([value]) => value),
      scale !== 'log',
    ),
    inner.width,
  )
  const y = linear(
    extent(
      points.map(([, value]) => value),
      true,
    ),
    inner.height,
  )
  const place = ([px, py]: Point): Point => [edge.left + x.at(px), edge.top + inner.height - y.at(py)]
  const drawn = lines.map((line, i) => drawnLine(line, place, i))
  return axes(x, y) + drawn.join('')
}

function drawnLine({ as, points }: Lines['lines'][number], place: (point: Point) => Point, i: number): string {
  const colour = `c${String(i % colours)}`
  const placed = points.map(place)
  if (as === 'dots')
    return placed.map(([x, y]) => `<circle class="dot ${colour}" cx="${px(x)}" cy="${px(y)}" r="2.6"/>`).join('')
  const path = placed.map(([x, y], at) => {
    if (at === 0) return `M${px(x)} ${px(y)}`
    return as === 'steps' ? `H${px(x)}V${px(y)}` : `L${px(x)} ${px(y)}`
  })
  return `<path class="line ${colour}${as === 'bound' ? ' bound' : ''}" d="${path.join('')}"/>`
}

/** Rows from above; the darker the more. */
function gridOf({ values }: Grid): string {
  const rows = values.length
  const columns = Math.max(1, ...values.map((row) => row.length))
  const most = Math.max(1, ...values.flat())
  const [w, h] = [inner.width / columns, inner.height / Math.max(1, rows)]
  const cells = values.flatMap((row, r) =>
    row.map((value, c) =>
      value === 0
        ? ''
        : `<rect class="cell" x="${px(edge.left + c * w)}" y="${px(edge.top + r * h)}" width="${px(Math.max(0.5, w - 0.5))}" height="${px(Math.max(0.5, h - 0.5))}" opacity="${(0.15 + (0.85 * value) / most).toFixed(2)}"/>`,
    ),
  )
  return `<rect class="frame" x="${px(edge.left)}" y="${px(edge.top)}" width="${px(inner.width)}" height="${px(inner.height)}"/>${cells.join('')}`
}

function axes(x: Scale, y: Scale): string {
  const bottom = edge.top + inner.height
  const across = y.ticks.map((tick) => {
    const at = px(bottom - y.at(tick))
    return `<path class="grid" d="M${px(edge.left)} ${at}H${px(edge.left + inner.width)}"/><text class="tick" x="${px(edge.left - 6)}" y="${at}" dy="4" text-anchor="end">${short(tick)}</text>`
  })
  const up = x.ticks.map((tick) => {
    const at = px(edge.left + x.at(tick))
    return `<path class="grid" d="M${at} ${px(bottom)}v4"/><text class="tick" x="${at}" y="${px(bottom + 17)}" text-anchor="middle">${short(tick)}</text>`
  })
  return across.join('') + up.join('')
}

function titles({ x, y }: ReportPlot): string {
  const middle = px(edge.left + inner.width / 2)
  const side = px(edge.top + inner.height / 2)
  return `<text class="axis" x="${middle}" y="${px(height - 6)}" text-anchor="middle">${escaped(x)}</text><text class="axis" transform="translate(13 ${side}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`
}

function legendOf({ lines }: Lines): string {
  const entries = lines.map(
    ({ name, as }, i) => `<li><span class="key c${String(i % colours)} ${as}"></span>${escaped(name)}</li>`,
  )
  return `<ul class="legend">${entries.join('')}</ul>`
}

function extent(values: readonly number[], fromZero: boolean): Point {
  const known = values.filter(Number.isFinite)
  const low = Math.min(...known, ...(fromZero ? [0] : []))
  const high = Math.max(...known)
  return known.length === 0 ? [0, 1] : [low, high > low ? high : low + 1]
}

function linear([low, high]: Point, length: number): Scale {
  const step = stepFor((high - low) / 5)
  const count = Math.floor((high - low) / step + 1e-9)
  const first = Math.ceil(low / step) * step
  const ticks = Array.from({ length: count + 1 }, (_, i) => first + i * step).filter(
    (tick) => tick <= high + step / 1e6,
  )
  return { at: (value) => ((value - low) / (high - low)) * length, ticks }
}

function logarithmic([low, high]: Point, length: number): Scale {
  const from = Math.log10(Math.max(low, 1e-9))
  const to = Math.max(Math.log10(Math.max(high, 1e-9)), from + 0.1)
  const powers = Array.from({ length: Math.floor(to) - Math.ceil(from) + 1 }, (_, i) => 10 ** (Math.ceil(from) + i))
  const ticks = powers.length > 1 ? powers : [low, high]
  return { at: (value) => ((Math.log10(Math.max(value, 1e-9)) - from) / (to - from)) * length, ticks }
}

/** 1, 2 or 5 times a power of ten. */
function stepFor(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
}

function short(value: number): string {
  if (Math.abs(value) >= 10_000) return `${String(Number((value / 1000).toPrecision(3)))}k`
  return String(Number(value.toPrecision(4)))
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10)
}
