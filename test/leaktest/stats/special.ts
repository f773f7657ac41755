/**
 * The few special functions behind p values: log-gamma, incomplete gamma and beta, normal and Kolmogorov tails.
 * Series and continued fractions after Abramowitz and Stegun chapters 6 and 26 and the modified Lentz method
 * (Thompson and Barnett 1986); relative errors below 1e-10 where this library uses them.
 */

const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
] as const

/** The natural logarithm of gamma(x), x > 0. Lanczos 1964 with g = 7 and nine terms. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  let series = 0.9999999999998099
  lanczos.forEach((term, i) => (series += term / (x + i)))
  const base = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(series)
}

/** The regularised upper incomplete gamma function Q(a, x): the share of a gamma distribution above x. */
export function gammaAbove(a: number, x: number): number {
  if (x <= 0) return 1
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  return x < a + 1 ? 1 - front * gammaSeries(a, x) : front * gammaFraction(a, x)
}

/** The chance that chi-square with `freedom` degrees is at least `statistic`. */
export function chiSquareAbove(statistic: number, freedom: number): number {
  return gammaAbove(freedom / 2, statistic / 2)
}

/** The chance that a standard normal is at least `z`. */
export function normalAbove(z: number): number {
  const tail = gammaAbove(0.5, (z * z) / 2) / 2
  return z < 0 ? 1 - tail : tail
}

/** The regularised incomplete beta function I_x(a, b): the share of a beta distribution below x. */
export function betaBelow(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  // The fraction converges fast on this side of the mean only.
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b
}

/** The x below which a beta distribution has the share `p`: bisection, which cannot leave [0, 1]. */
export function betaQuantile(p: number, a: number, b: number): number {
  let low = 0
  let high = 1
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (betaBelow(middle, a, b) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** The chance that Kolmogorov's limiting distribution is at least `t`. */
export function kolmogorovAbove(t: number): number {
  // The alternating series needs ever more terms toward zero, where the answer is 1 to ten digits anyway.
  if (t < 0.2) return 1
  let tail = 0
  for (let k = 1; k <= 100; k++) tail += 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * t * t)
  return Math.min(1, Math.max(0, tail))
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a
  let total = term
  for (let n = 1; n < 10_000 && term > total * 1e-16; n++) {
    term *= x / (a + n)
    total += term
  }
  return total
}

function gammaFraction(a: number, x: number): number {
  return lentz(x + 1 - a, (n) => [-n * (n - a), x + 2 * n + 1 - a])
}

function betaFraction(x: number, a: number, b: number): number {
  return lentz(1, (n) => {
    const m = Math.floor(n / 2)
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    return [n % 2 === 0 ? even : odd, 1]
  })
}

/** 1 / (first + a1/(b1 + a2/(b2 + ...))), where step(n) gives [an, bn]. */
function lentz(first: number, step: (n: number) => readonly [number, number]): number {
  const tiny = 1e-300
  let c = 1 / tiny
  let d = 1 / (first === 0 ? tiny : first)
  let value = d
  for (let n = 1; n < 10_000; n++) {
    const [a, b] = step(n)
    d = 1 / away(b + a * d)
    c = away(b + a / c)
    const factor = c * d
    value *= factor
    if (Math.abs(factor - 1) < 1e-15) break
  }
  return value
}

function away(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value
}
