/** Things of which one is drawn at random, each at most once in it. Adding, taking out and drawing cost the same for any number. */

export type Bag<T> = {
  add(thing: T): void
  remove(thing: T): void
  /** One of them, which stays; nothing from an empty bag. */
  draw(): T | undefined
}

/** `dice` gives a random whole number below the one that it is given. */
export function createBag<T>(dice: (below: number) => number): Bag<T> {
  const things: T[] = []
  const places = new Map<T, number>()
  return {
    add(thing) {
      if (!places.has(thing)) places.set(thing, things.push(thing) - 1)
    },
    remove(thing) {
      const place = places.get(thing)
      const last = things.at(-1)
      if (place === undefined || last === undefined) return
      // The last one moves into the gap.
      things[place] = last
      places.set(last, place)
      things.pop()
      places.delete(thing)
    },
    draw: () => (things.length === 0 ? undefined : things[dice(things.length)]),
  }
}
