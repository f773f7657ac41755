/**
 * Numbers by name in memory that never grows: a count-min sketch that keeps the largest (Cormode and Muthukrishnan,
 * "An improved data stream summary", 2005, with the conservative update of Estan and Varghese). What is read back is
 * never less than what was written; it is more only for a name that meets others in every row. privacy.md 4.9.
 */

export type Sketch = {
  readonly read: (name: string) => number
  /** Keeps `value` where it is larger than what is there. */
  readonly raise: (name: string, value: number) => void
  /** octets, from the first moment on */
  readonly memory: number
}

const digits = 8

/** Names are at least 32 hex digits that nobody can choose: each eight of them are a place in one row. */
export function createSketch(width = 65_536): Sketch {
  const rows = Array.from({ length: 4 }, () => new Float64Array(width))
  const place = (name: string, row: number): number => {
    const number = Number.parseInt(name.slice(row * digits, (row + 1) * digits), 16)
    // Whoever has no place would have no limit.
    if (Number.isNaN(number)) throw new TypeError('a name is at least 32 hex digits')
    return number % width
  }
  return {
    read: (name) => Math.min(...rows.map((cells, row) => cells[place(name, row)] ?? 0)),
    raise(name, value) {
      for (const [row, cells] of rows.entries()) {
        const at = place(name, row)
        cells[at] = Math.max(cells[at] ?? 0, value)
      }
    },
    memory: rows.length * width * Float64Array.BYTES_PER_ELEMENT,
  }
}
