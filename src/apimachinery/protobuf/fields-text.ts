import type { ReverseWriter } from "./writer.ts";

type Tree = Readonly<Record<string, unknown>>;

const openBrace = 0x7b;
const closeBrace = 0x7d;
const comma = 0x2c;
const colon = 0x3a;

/** Trees of one generation whose text is remembered, or that were seen once; there are two. */
const generationSize = 1024;
const keysLimit = 4096;
/** Shorter texts are made as fast as found; longer ones are nobody else's. */
const minKeptBytes = 24;
const maxKeptBytes = 2048;
/** Objects of one template share the trees this near to the root, but for a leaf. */
const sharedDepth = 2;

const seen = new Uint8Array();
let young = new Map<object, Uint8Array>();
let old = new Map<object, Uint8Array>();
const keys = new Map<string, Uint8Array>();
const encoder = new TextEncoder();

/**
 * The JSON of a tree of managed fields: half of what an object's message is made of, and for objects of one template nearly the same.
 * Caches keep equal trees once, so the text of a tree that comes again is found by the tree itself. Trees never change.
 */
export function writeFieldsText(writer: ReverseWriter, value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    writer.text(JSON.stringify(value));
    return;
  }
  if (depth > sharedDepth) {
    writeEntries(writer, value as Tree, depth);
    return;
  }
  const known = young.get(value) ?? recall(value);
  if (known !== undefined && known.length > 0) {
    writer.bytes(known);
    return;
  }
  const before = writer.length;
  writeEntries(writer, value as Tree, depth);
  const size = writer.length - before;
  if (size < minKeptBytes || size > maxKeptBytes) return;
  // Most trees come only once: their text is kept when they come again.
  remember(value, known === undefined ? seen : writer.sliceFrom(before));
}

function recall(tree: object): Uint8Array | undefined {
  const text = old.get(tree);
  if (text !== undefined) remember(tree, text);
  return text;
}

function remember(tree: object, text: Uint8Array): void {
  if (young.size >= generationSize) {
    old = young;
    young = new Map();
  }
  young.set(tree, text);
}

function writeEntries(writer: ReverseWriter, tree: Tree, depth: number): void {
  const names = Object.keys(tree);
  writer.varint(closeBrace);
  let more = false;
  for (let index = names.length - 1; index >= 0; index--) {
    const name = names[index] ?? "";
    const value = tree[name];
    if (value === undefined) continue;
    if (more) writer.varint(comma);
    more = true;
    writeFieldsText(writer, value, depth + 1);
    writer.varint(colon);
    const key = keys.get(name) ?? quoted(name);
    writer.few(key, 0, key.length);
  }
  writer.varint(openBrace);
}

function quoted(name: string): Uint8Array {
  const text = encoder.encode(JSON.stringify(name));
  if (keys.size >= keysLimit) keys.clear();
  keys.set(name, text);
  return text;
}
