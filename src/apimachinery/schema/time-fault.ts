interface Element {
  /** What Go's layout writes for it. */
  readonly layout: string;
  readonly pattern: RegExp;
  readonly range?: readonly [name: string, least: number, most: number];
}

const two = /^\d\d/;
const literal = (layout: string): Element => ({ layout, pattern: new RegExp(`^${layout}`) });

const elements: readonly Element[] = [
  { layout: "2006", pattern: /^\d{4}/ },
  literal("-"),
  { layout: "01", pattern: two, range: ["month", 1, 12] },
  literal("-"),
  { layout: "02", pattern: two },
  literal("T"),
  { layout: "15", pattern: two, range: ["hour", 0, 23] },
  literal(":"),
  { layout: "04", pattern: two, range: ["minute", 0, 59] },
  literal(":"),
  { layout: "05", pattern: /^\d\d(?:[.,]\d+)?/, range: ["second", 0, 59] },
  { layout: "Z07:00", pattern: /^(?:Z|[+-]\d\d:\d\d)/ },
];

/** Why a text is no time of RFC 3339, in the words of Go's parser; `layout` is the form that was wanted. */
export function timeFault(text: string, layout: string): string {
  const parsing = `parsing time ${JSON.stringify(text)}`;
  let rest = text;
  for (const element of elements) {
    const found = element.pattern.exec(rest)?.[0];
    if (found === undefined)
      return `${parsing} as "${layout}": cannot parse ${JSON.stringify(rest)} as "${element.layout}"`;
    const [name, least, most] = element.range ?? ["", 0, 0];
    const value = Number.parseInt(found, 10);
    if (name !== "" && (value < least || value > most)) return `${parsing}: ${name} out of range`;
    rest = rest.slice(found.length);
  }
  return rest === "" ? `${parsing}: day out of range` : `${parsing}: extra text: ${JSON.stringify(rest)}`;
}
