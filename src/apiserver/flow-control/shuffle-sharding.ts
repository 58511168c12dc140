/**
 * Shuffle sharding: each flow is dealt the same few queues of a level, so that a heavy flow fills only its own and two
 * flows seldom share all of theirs.
 */

/** 64 bits of a flow's name. The seed is this process's own: no user can choose a name that meets another's queues. */
export function flowHash(seed: number, schema: string, distinguisher: string): bigint {
  const text = `${schema}\u0000${distinguisher}`;
  let low = 0xdeadbeef ^ seed;
  let high = 0x41c6ce57 ^ seed;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x9e3779b1);
    high = Math.imul(high ^ code, 0x5f356495);
  }
  low = mix(low) ^ mix(high ^ 0x27d4eb2f);
  high = mix(high) ^ mix(low ^ 0x165667b1);
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function mix(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35);
  return twice ^ (twice >>> 16);
}

/** `handSize` different cards from a deck of `deckSize`, all hands equally likely. */
export function dealHand(hash: bigint, deckSize: number, handSize: number): readonly number[] {
  const hand: number[] = [];
  const taken: number[] = []; // in ascending order
  let rest = hash;
  for (let dealt = 0; dealt < Math.min(handSize, deckSize); dealt++) {
    const left = BigInt(deckSize - dealt);
    let card = Number(rest % left);
    rest /= left;
    let position = 0;
    while (position < taken.length && card >= (taken[position] ?? 0)) {
      card++;
      position++;
    }
    taken.splice(position, 0, card);
    hand.push(card);
  }
  return hand;
}
