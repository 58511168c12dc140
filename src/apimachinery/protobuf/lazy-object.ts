/**
 * Objects some of whose members are read when they are first asked for. To whoever uses them they are plain JSON: the
 * members are own, enumerable, in their place, and always the same value. All objects of a kind share a member's
 * accessors, so that they have one layout; what is not read yet lies in a private field, which nothing else sees.
 */

/** Reads a member out of the bytes that were kept of it, one a character. */
export type ReadMember = (bytes: string) => unknown;

/** A member that is read when it is asked for. */
export interface LazyMember {
  readonly name: string;
  /** Where its bytes, and once they were read its value, lie among the parts. */
  readonly slot: number;
  readonly descriptor: PropertyDescriptor;
}

/** What the parts of an object begin with: the same for all objects of one kind. */
export interface PartsOwner {
  /** The slots of the members, by their names. */
  readonly slots: ReadonlyMap<string, number>;
}

/** The owner, then for each member its bytes (a string), or its value (which never is one), or nothing. */
export type Parts = [PartsOwner, ...unknown[]];

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
      const parts = partsOf(this);
      const part = parts[slot];
      if (typeof part !== "string") return part;
      const value = read(part);
      parts[slot] = value;
      return value;
    },
    // As for any member: whoever has made a copy of the prototype's kind, or changes what is theirs, may.
    set(this: object, value: unknown) {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
    },
  };
  return { name, slot, descriptor };
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
  value(this: { readonly metadata?: object }) {
    return "metadata" in this ? { ...this, metadata: { ...this.metadata } } : { ...this };
  },
};

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
    if (slot !== undefined && leftParts[slot] === rightParts[slot]) return true;
    return equalUnread(one[name], other[name], equal);
  });
}
