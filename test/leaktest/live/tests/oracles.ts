/** Errors: one look for each class, whatever was wrong and whoever asked. privacy.md 2.9, wire.md "Errors". */
import { counted, type LiveTest } from './live-test.ts'

export const oracles: readonly LiveTest[] = [
  oracle('unopened', 'distinct answers to seven messages that do not open', (group) => group === 'unopened'),
  oracle(
    'sealed',
    'distinct looks of sealed answers to seven requests that open and are refused',
    (group) => group === 'sealed',
  ),
  {
    id: 'oracles.relay',
    tier: 'T2',
    metric: "distinct answers to the same mistake by different clients, of the relay's mistake that has most",
    cells: [],
    remedy: 'answer mistakes with constants that repeat nothing of the request',
    ask: ({ refused }) => {
      const own = refused.filter(({ group }) => group.startsWith('relay: '))
      if (own.length === 0) return undefined
      const groups = [...Map.groupBy(own, ({ group }) => group)]
      const looks = groups.map(([group, all]) => ({ group, all: [...new Set(all.map((each) => each.looks))] }))
      const worst = looks.reduce((most, each) => (each.all.length > most.all.length ? each : most))
      return counted(worst.all.length, own.length, worst.all.length > 1 ? [worst.group, ...worst.all] : [], 1)
    },
  },
]

function oracle(name: string, metric: string, picks: (group: string) => boolean): LiveTest {
  return {
    ...{ id: `oracles.${name}`, tier: 'T2', metric, cells: [] },
    remedy: 'answer every member of the class with the same octets, or the same number of them',
    ask: ({ refused }) => {
      const all = refused.filter(({ group }) => picks(group))
      if (all.length === 0) return undefined
      const looks = [...Map.groupBy(all, (each) => each.looks)]
      const found = looks.map(
        ([look, those]) => `${[...new Set(those.map(({ kind }) => kind))].join(', ')}: ${look.slice(0, 200)}`,
      )
      return counted(looks.length, all.length, looks.length > 1 ? found : [], 1)
    },
  }
}
