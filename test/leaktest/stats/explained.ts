/** How much of what varies is explained by who it is: omega squared (Hays 1963), which is 0 on average where nothing is. */

/** `rows` are [whose, value]. The share of the values' variance between groups, without what luck puts there. */
export function explained(rows: readonly (readonly [whose: number, value: number])[]): number {
  const groups = new Map<number, { n: number; total: number }>()
  let total = 0
  let squares = 0
  for (const [whose, value] of rows) {
    const group = groups.get(whose) ?? { n: 0, total: 0 }
    group.n += 1
    group.total += value
    groups.set(whose, group)
    total += value
    squares += value * value
  }
  const all = squares - (total * total) / rows.length
  let between = -(total * total) / rows.length
  for (const group of groups.values()) between += (group.total * group.total) / group.n
  const within = (all - between) / (rows.length - groups.size)
  return all === 0 ? 0 : (between - (groups.size - 1) * within) / (all + within)
}
