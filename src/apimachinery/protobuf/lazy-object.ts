/**
 * Objects some of whose members are read when they are first asked for. To whoever uses them they are plain JSON: the
 * members are own, enumerable, in their place, and always the same value. All objects of a kind share a member's
 * accessors, so that they have one layout; what is not read yet lies in a private field, which nothing else sees.
 */

/** Reads a member out of the bytes that were kept of it. */
export type ReadMember = (part: Part) => unknown;

/** A member that is read when it is asked for. */
export interface LazyMember {
  readonly name: string;
  /** Where it lies among the parts. */
  readonly slot: number;
  readonly descriptor: PropertyDescriptor;
}

/** What the parts of an object begin with: the same for all objects of one kind. */
export interface PartsOwner {
  /** The slots of the members, by their names. */
  readonly slots: ReadonlyMap<string, number>;
}

/**
 * A member as it came, and as what it was read once somebody asked. It came as the bytes [start, end) of a text, one a
 * character, or of the part that lies around it. Versions of an object share the parts that are alike.
 */
export class Part {
  #within: string | Part;
  #start: number;
  #end: number;
  /** Undefined: nobody has asked. */
  value: unknown;

  constructor(within: string | Part, start: number, end: number, value?: unknown) {
    this.#within = within;
    this.#start = start;
    this.#end = end;
    this.value = value;
  }

  /** Not copied. */
  get bytes(): string {
    const within = this.#within;
    return (typeof within === "string" ? within : within.bytes).slice(this.#start, this.#end);
  }

  hasBytesOf(other: Part): boolean {
    if (other.#end - other.#start !== this.#end - this.#start) return false;
    if (other.#start === this.#start && other.#within === this.#within) return true;
    return other.bytes === this.bytes;
  }
}

/**
 * The owner; where the message ends with nothing but the members, that end; then the members that are there, each in its slot.
 * Versions of an object whose ends are alike have the same parts.
 */
export type Parts = [PartsOwner, string, ...(Part | undefined)[]];

/** The first member's slot. */
export const firstSlot = 2;

class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: how a private field comes to an object that is there already
    return object;
  }
}

/** Gives an object its parts. An instance never exists. */
class Holder extends Given {
  readonly #parts: Parts;

  constructor(object: object, parts: Parts) {
    super(object);
    this.#parts = parts;
  }

  static partsOf(object: object): Parts | undefined {
    return #parts in object ? (object as Holder).#parts : undefined; // it has the field
  }
}

/** Once an object; its lazy members must be defined, too. */
export function giveParts(object: object, parts: Parts): void {
  new Holder(object, parts);
}

export function lazyMember(name: string, slot: number, read: ReadMember): LazyMember {
  const descriptor: PropertyDescriptor = {
    enumerable: true,
    configurable: true,
    get(this: object) {
      const part = partAt(partsOf(this), slot);
      if (part === undefined) return undefined;
      part.value ??= read(part);
      return part.value;
    },
    // As for any member: whoever has made a copy of the prototype's kind, or changes what is theirs, may.
    set(this: object, value: unknown) {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
    },
  };
  return { name, slot, descriptor };
}

export function partAt(parts: Parts | undefined, slot: number): Part | undefined {
  return parts?.[slot] as Part | undefined; // the slots before the first are no member's
}

/** The parts of an object that was given some. */
export function partsGivenTo(object: object): Parts | undefined {
  return Holder.partsOf(object);
}

/** Of the object itself, or of the one that it was derived from. */
function partsOf(object: object): Parts {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    const parts = Holder.partsOf(at);
    if (parts !== undefined) return parts;
  }
  throw new TypeError("this is no object that a lazy member was defined on");
}

/** Shows a lazy object in logs and consoles as what it stands for. Not enumerable: nothing copies or compares it. */
export const shownAsPlain: PropertyDescriptor = {
  enumerable: false,
  configurable: true,
  value(this: object) {
    return plainCopy(this);
  },
};

function plainCopy(object: object): object {
  const isLazy = (value: unknown) =>
    typeof value === "object" && value !== null && Holder.partsOf(value) !== undefined;
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, isLazy(value) ? plainCopy(value) : value]),
  );
}

/** Where Node's inspect looks for it. */
export const inspectSymbol: unique symbol = Symbol.for("nodejs.util.inspect.custom") as typeof inspectSymbol;

/**
 * Whether two objects say the same as JSON, by `equal` where it takes reading: members that nobody has read yet are
 * compared by their bytes first, so that comparing unpacks nothing where nothing differs.
 */
export function equalUnread(
  left: unknown,
  right: unknown,
  equal: (left: unknown, right: unknown) => boolean,
): boolean {
  const leftParts = typeof left === "object" && left !== null ? Holder.partsOf(left) : undefined;
  const rightParts = typeof right === "object" && right !== null ? Holder.partsOf(right) : undefined;
  if (leftParts === undefined || rightParts === undefined || leftParts[0] !== rightParts[0])
    return equal(left, right);
  const [one, other] = [left, right] as Record<string, unknown>[]; // both have parts
  if (one === undefined || other === undefined) return false;
  const names = Object.keys(one);
  if (names.length !== Object.keys(other).length) return false;
  return names.every((name) => {
    if (!Object.hasOwn(other, name)) return false;
    const slot = leftParts[0].slots.get(name);
    const [leftPart, rightPart] =
      slot === undefined ? [] : [partAt(leftParts, slot), partAt(rightParts, slot)];
    if (leftPart !== undefined && rightPart !== undefined && leftPart.hasBytesOf(rightPart)) return true;
    return equalUnread(one[name], other[name], equal);
  });
}
