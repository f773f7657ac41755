/** P13: who was there each time. privacy.md 2.11; P03 to P06 are in `shaped/`. */
import { contained, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'

export const timeScenarios: readonly Scenario[] = [
  {
    ...{ ...inFront, id: 'P13', severity: 2, score: 'R', expects: ['CONTAINED'], subject: ['relay'], quick: true },
    title: 'the same trait in many rounds',
    given: 'somebody who sees who is active, and whether a trait appears, round by round',
    does: 'keeps those who were active in every round with the trait',
    shows:
      'a number to report: a stable trait names one of 400 clients, active in three of ten rounds, after about six',
    withoutNaive: 'a number to report: no pair can hide who is active',
    control: () => Promise.resolve(),
    attack: intersected,
  },
]

const [population, active, trials] = [400, 0.3, 300]

function intersected({ dice }: Stage): Promise<Finding> {
  const rounds = Array.from({ length: trials }, () => {
    let left = population - 1
    let round = 0
    for (; left > 0; round++) left = Array.from({ length: left }, dice.uniform).filter((one) => one < active).length
    return round
  })
  const mean = rounds.reduce((sum, one) => sum + one, 0) / trials
  const formula = Math.log(population) / Math.log(1 / active)
  const measure = { metric: 'rounds until a stable trait names one of 400', value: Number(mean.toFixed(2)), n: trials }
  return Promise.resolve(
    contained(`closed form ${formula.toFixed(1)}: applications are told to send nothing stable`, measure),
  )
}
