/** Ways on which memory reaches a disk, as far as /proc tells: core dumps and swap. trust.md 4, 8; core(5). */
import { atLeast, type Launch, type Place, type Problem } from './place.ts'

export function memoryProblems({ proc }: Launch, place: Place): Problem[] {
  if (!atLeast(place, 'public')) return []
  const limit = /^Max core file size\s+(\S+)/m.exec(proc('/proc/self/limits') ?? '')?.[1]
  const dumps = limit !== undefined && limit !== '0'
  return [
    ...(dumps ? [problem('core dumps', 'write the memory to a file', 'ulimit -c 0, or LimitCORE=0 in the unit')] : []),
    ...(atLeast(place, 'cvm') ? insideCvm(proc) : []),
  ]
}

function insideCvm(proc: Launch['proc']): Problem[] {
  // A program that takes dumps through a pipe gets them whatever the limit says.
  const piped = proc('/proc/sys/kernel/core_pattern')?.startsWith('|') === true
  const [, swap] = (proc('/proc/swaps') ?? '').trim().split('\n')
  return [
    ...(piped
      ? [problem('kernel.core_pattern', 'hands core dumps to a program', 'sysctl kernel.core_pattern=core')]
      : []),
    ...(swap === undefined
      ? []
      : [problem('swap', 'writes the memory to a disk', 'swapoff -a, and none in the image')]),
  ]
}

function problem(name: string, why: string, remedy: string): Problem {
  return { name, why, remedy }
}
