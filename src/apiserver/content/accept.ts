/** One clause of an Accept header, read as loosely as upstream's library reads it. */
export interface Clause {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const parsed = new Map<string, readonly Clause[]>();
const parsedLimit = 1000;
const clausesLimit = 50;

/** The best clauses first. Clients repeat themselves, so what was read once is kept. */
export function clausesOf(accept: string): readonly Clause[] {
  const known = parsed.get(accept);
  if (known !== undefined) return known;
  const clauses = accept
    .split(",", clausesLimit)
    .flatMap((text) => parseClause(text) ?? [])
    .sort(byPreference);
  if (parsed.size >= parsedLimit) parsed.clear();
  parsed.set(accept, clauses);
  return clauses;
}

/** Whether the clause's type, which may be a pattern, is met. */
export function meets(clause: Clause, mediaType: string): boolean {
  if (clause.type === "*") return clause.subtype === "*";
  const [type, subtype] = mediaType.split("/");
  return clause.type === type && (clause.subtype === "*" || clause.subtype === subtype);
}

function parseClause(text: string): Clause | undefined {
  const [range = "", ...rest] = text.split(";");
  const [type = "", subtype, more] = range.split("/").map((part) => part.trim());
  if (more !== undefined || ((subtype === undefined || subtype === "") && type !== "*")) return undefined;
  const parameters = new Map<string, string>();
  let quality = 1;
  for (const part of rest) {
    const [name = "", value = "", excess] = part.split("=");
    if (value === "" || excess !== undefined) continue;
    if (name.trim() === "q") quality = Number(value) || 0;
    else parameters.set(name.trim(), value.trim());
  }
  return { type, subtype: subtype || "*", parameters, quality };
}

function byPreference(left: Clause, right: Clause): number {
  return (
    right.quality - left.quality ||
    Number(left.type === "*") - Number(right.type === "*") ||
    Number(left.subtype === "*") - Number(right.subtype === "*")
  );
}
