/** The syntax tree of an expression as the library keeps it. */
export interface CelNode {
  /** "id", ".", "[]", "call", "rcall", "list", "map", "comprehension", "value", "?:", "+" … */
  readonly op: string;
  readonly args: unknown;
  readonly pos?: number;
  readonly meta: { readonly alternate?: CelNode; readonly macro?: Readonly<Record<string, unknown>> };
}

/** What stands for a node at run time: macros are expanded into others. */
export function resolved(node: CelNode): CelNode {
  return node.meta.alternate === undefined ? node : resolved(node.meta.alternate);
}

function isNode(value: unknown): value is CelNode {
  return typeof value === "object" && value !== null && "op" in value && "meta" in value;
}

/** The nodes right below one, in no particular order. */
export function childrenOf(node: CelNode): readonly CelNode[] {
  const { macro } = node.meta;
  const found = new Set<CelNode>();
  collect(node.args, found, 0);
  if (macro !== undefined) collect({ ...macro, ast: undefined, parser: undefined }, found, 0);
  found.delete(node);
  return [...found];
}

function collect(value: unknown, found: Set<CelNode>, depth: number): void {
  if (isNode(value)) found.add(value);
  else if (Array.isArray(value)) for (const item of value) collect(item, found, depth);
  else if (
    typeof value === "object" &&
    value !== null &&
    depth === 0 &&
    Object.getPrototypeOf(value) === Object.prototype
  )
    for (const member of Object.values(value)) collect(member, found, depth + 1);
}
