/** Features on one scale, so that none counts more for being measured in smaller units. */
import { mean, times, variance } from './numbers.ts'

/** Maps features to zero mean and unit deviation over the given ones; a feature that never changes becomes 0. */
export function scaler(all: readonly (readonly number[])[]): (features: readonly number[]) => number[] {
  const columns = times(all[0]?.length ?? 0, (column) => {
    const values = all.map((features) => features[column] as number)
    const deviation = all.length > 1 ? Math.sqrt(variance(values)) : 0
    return { middle: mean(values), factor: deviation > 0 ? 1 / deviation : 0 }
  })
  return (features) => columns.map(({ middle, factor }, i) => ((features[i] as number) - middle) * factor)
}
