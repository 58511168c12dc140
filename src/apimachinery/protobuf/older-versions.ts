import type { ObjectMeta } from "../meta.ts";
import type { Reader } from "./reader.ts";
import { readText, spells } from "./text.ts";

/** Objects by their keys ("namespace/name"), as a cache holds them. */
export interface HeldObjects {
  readonly size: number;
  get(key: string): object | undefined;
}

/** Numbers of the fields of ObjectMeta that an object is known by. */
const nameTag = 10;
const generateNameTag = 18;
const namespaceTag = 26;

/** Finds the versions that the reader of a watch or a list holds already, by the bytes that name the objects. */
export class OlderVersions {
  readonly #held: HeldObjects;
  readonly #keys = new KeyTable();
  #key: string | undefined;

  constructor(held: HeldObjects) {
    this.#held = held;
  }

  /** The version that is held of the object at the beginning of whose metadata the reader stands, and stays. */
  find(reader: Reader): object | undefined {
    const { at: start, bytes } = reader;
    let nameAt = 0;
    let nameEnd = 0;
    let namespaceAt = 0;
    let namespaceEnd = 0;
    while (reader.at < reader.end) {
      const tag = bytes[reader.at];
      if (tag !== nameTag && tag !== generateNameTag && tag !== namespaceTag) break;
      reader.at++;
      const end = reader.enter();
      if (tag === nameTag) {
        nameAt = reader.at;
        nameEnd = end;
      } else if (tag === namespaceTag) {
        namespaceAt = reader.at;
        namespaceEnd = end;
      }
      reader.at = end;
    }
    reader.at = start;
    this.#key = undefined;
    if (nameEnd === nameAt) return undefined;
    this.#keys.makeRoom(this.#held.size);
    this.#key = this.#keys.read(bytes, namespaceAt, namespaceEnd, nameAt, nameEnd);
    return this.#held.size === 0 ? undefined : this.#held.get(this.#key);
  }

  /** The key of the object that was looked for last, which was read since then; undefined where it did not begin with its names. */
  keyOf(object: object): string | undefined {
    const key = this.#key;
    this.#key = undefined;
    return key !== undefined && isKeyOf(key, object) ? key : undefined;
  }
}

function isKeyOf(key: string, object: object): boolean {
  const { name = "", namespace = "" } = "metadata" in object ? (object.metadata as ObjectMeta) : noNames; // read as such
  if (namespace === "") return key === name;
  const { length } = namespace;
  if (key.length !== length + 1 + name.length || key[length] !== "/") return false;
  return key.endsWith(name) && key.startsWith(namespace);
}

const noNames: ObjectMeta = {};

const fewestPlaces = 256;
/** Places that are looked at for a key. */
const reach = 4;

/**
 * Keys by their bytes, so that the same key is the same string: found sooner than made, and a map finds what lies under it
 * without comparing. It may forget; a key that it does not know is made.
 */
class KeyTable {
  #hashes = new Int32Array(fewestPlaces);
  #keys: string[] = new Array<string>(fewestPlaces).fill("");

  /** Makes room for so many keys; what was known is forgotten. */
  makeRoom(count: number): void {
    if (2 * count <= this.#keys.length) return;
    const places = 4 * 2 ** Math.ceil(Math.log2(count));
    this.#hashes = new Int32Array(places);
    this.#keys = new Array<string>(places).fill("");
  }

  read(bytes: Buffer, namespaceAt: number, namespaceEnd: number, nameAt: number, nameEnd: number): string {
    let hash = 0;
    for (let at = namespaceAt; at < namespaceEnd; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
    for (let at = nameAt; at < nameEnd; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
    hash ^= hash >>> 15;
    const namespaceLength = namespaceEnd - namespaceAt;
    const nameFrom = namespaceLength === 0 ? 0 : namespaceLength + 1;
    const length = nameFrom + nameEnd - nameAt;
    const mask = this.#keys.length - 1;
    let free = hash & mask;
    for (let tried = 0; tried < reach; tried++) {
      const place = (hash + tried) & mask;
      const key = this.#keys[place] ?? "";
      if (key === "") {
        free = place;
        break;
      }
      if (
        this.#hashes[place] === hash &&
        key.length === length &&
        spells(key, nameFrom, bytes, nameAt, nameEnd) &&
        spells(key, 0, bytes, namespaceAt, namespaceEnd)
      )
        return key;
    }
    const name = readText(bytes, nameAt, nameEnd);
    const key = namespaceLength === 0 ? name : `${readText(bytes, namespaceAt, namespaceEnd)}/${name}`;
    // Of another length where it is not plain ASCII: it would never be found.
    if (key.length === length) {
      this.#keys[free] = key;
      this.#hashes[free] = hash;
    }
    return key;
  }
}
