/** Randomness as a dependency, so that a run can be repeated from its seed. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A version 4 UUID. */
  uuid(): string;
}

/** A repeatable sequence (mulberry32) from a 32-bit seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const hex = (digits: number) => {
    let text = "";
    for (let index = 0; index < digits; index++) text += Math.floor(next() * 16).toString(16);
    return text;
  };
  return {
    next,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${"89ab".charAt(Math.floor(next() * 4))}${hex(3)}-${hex(12)}`,
  };
}

/** A whole number in [0, limit). */
export function randomBelow(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

// No vowels and no look-alikes, as upstream's generated names have it: no words arise by chance.
const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A suffix such as generateName appends: `length` safe characters. */
export function randomSuffix(random: Random, length = 5): string {
  let suffix = "";
  for (let index = 0; index < length; index++)
    suffix += nameAlphabet.charAt(randomBelow(random, nameAlphabet.length));
  return suffix;
}
