/**
 * A record to be asked for keys that come from outside: it has its own members only, so that "constructor" is no more a key of
 * it than any other word it does not hold.
 */
export function lookupTable<T>(members: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.freeze(Object.assign(Object.create(null) as Record<string, T>, members));
}
