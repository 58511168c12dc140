/**
 * Label and field selectors: parsing from their text form, matching, printing. Grammar and messages are those of
 * apimachinery's `labels.Parse` and `fields.ParseSelector`.
 */
import { badRequest } from "./api-error.ts";
import { labelValue, qualifiedName, type Reasons } from "./names.ts";
import { invalid, quote } from "./validation.ts";

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, none twice; empty for `exists` and `!`, exactly one for `=`, `==`, `!=`, `gt`, `lt`. */
  readonly values: readonly string[];
}

/** All requirements must hold; an empty list matches everything. Sorted by key. */
export type LabelTerms = readonly LabelRequirement[];

export type LabelSet = Readonly<Record<string, string>>;

/** What a missing metav1.LabelSelector means: no object at all. */
export const nothing: LabelTerms = Object.freeze([
  Object.freeze({ key: "", operator: "in", values: Object.freeze([]) } as const),
]);

/** Thrown for a text that is no selector: a 400 answer. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SelectorError";
  }
}

/** For the API's edge: what a bad selector in a query is answered with. */
export function selectorBadRequest(error: SelectorError) {
  return badRequest(error.message);
}

export function matchesLabels(terms: LabelTerms, labels: LabelSet | undefined): boolean {
  for (const term of terms) if (!holds(term, labels?.[term.key])) return false;
  return true;
}

function holds({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case "in":
    case "=":
    case "==":
      return value !== undefined && values.includes(value);
    case "notin":
    case "!=":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt": {
      const limit = parseInteger(values[0]);
      const actual = parseInteger(value);
      if (limit === undefined || actual === undefined) return false;
      return operator === "gt" ? actual > limit : actual < limit;
    }
  }
}

/** A 64-bit integer as Go's ParseInt reads it. */
export function parseInteger(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

export function labelTermsOf(set: LabelSet | undefined): LabelTerms {
  return Object.entries(set ?? {})
    .map(([key, value]): LabelRequirement => ({ key, operator: "=", values: [value] }))
    .sort(byKey);
}

/** The value that `key` must have, where the selector leaves only one. */
export function requiredLabel(terms: LabelTerms, key: string): string | undefined {
  const term = terms.find((candidate) => candidate.key === key);
  if (term === undefined || !["=", "==", "in"].includes(term.operator)) return undefined;
  return term.values.length === 1 ? term.values[0] : undefined;
}

/** The text form: `a=b,c in (d,e),!f`. */
export function formatLabelTerms(terms: LabelTerms): string {
  return terms === nothing ? "" : terms.map(formatRequirement).join(",");
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  const list = values.join(",");
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${list})`;
    case "gt":
      return `${key}>${list}`;
    case "lt":
      return `${key}<${list}`;
    default:
      return `${key}${operator}${list}`;
  }
}

/** Makes one requirement, checked; throws SelectorError with every field that is wrong. */
export function labelRequirement(
  key: string,
  operator: LabelOperator,
  values: readonly string[],
): LabelRequirement {
  const errors: { readonly field: string; readonly message: string }[] = [];
  const check = (path: string, value: unknown, reasons: Reasons) => {
    if (reasons.length > 0) errors.push(invalid(path, value, reasons.join("; ")));
  };
  check("key", key, qualifiedName(key));
  check("values", values, arityReasons(operator, values));
  values.forEach((value, index) => {
    if ((operator === "gt" || operator === "lt") && parseInteger(value) === undefined)
      check(`values[${index}]`, value, ["for 'Gt', 'Lt' operators, the value must be an integer"]);
    check(`values[${index}][${key}]`, value, labelValue(value));
  });
  if (errors.length > 0) {
    const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))];
    throw new SelectorError(texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`);
  }
  return { key, operator, values: [...new Set(values)].sort() };
}

function arityReasons(operator: LabelOperator, values: readonly string[]): Reasons {
  switch (operator) {
    case "in":
    case "notin":
      return values.length > 0 ? [] : ["for 'in', 'notin' operators, values set can't be empty"];
    case "exists":
    case "!":
      return values.length === 0 ? [] : ["values set must be empty for exists and does not exist"];
    case "gt":
    case "lt":
      return values.length === 1 ? [] : ["for 'Gt', 'Lt' operators, exactly one value is required"];
    default:
      return values.length === 1 ? [] : ["exact-match compatibility requires one single value"];
  }
}

const byKey = (a: LabelRequirement, b: LabelRequirement) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

/** Parses `a=b,c in (d,e),!f`. Throws SelectorError. */
export function parseLabelSelector(text: string): LabelTerms {
  return new LabelSelectorParser(text).parse().sort(byKey);
}

interface Token {
  readonly type: "symbol" | "word" | "end";
  readonly text: string;
}

const symbols = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
const endToken: Token = { type: "end", text: "" };

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < text.length) {
    const character = text.charAt(position);
    if (/[ \t\r\n]/.test(character)) {
      position++;
      continue;
    }
    const symbol = symbols.find((candidate) => text.startsWith(candidate, position));
    if (symbol !== undefined) {
      tokens.push({ type: "symbol", text: symbol });
      position += symbol.length;
      continue;
    }
    const start = position;
    while (position < text.length && !/[=!(),<> \t\r\n]/.test(text.charAt(position))) position++;
    tokens.push({ type: "word", text: text.slice(start, position) });
  }
  return tokens;
}

const binaryOperators: Readonly<Record<string, LabelOperator>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "==",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
};

class LabelSelectorParser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): LabelRequirement[] {
    const terms: LabelRequirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.type === "end") return terms;
      if (token.type !== "word" && token.text !== "!")
        throw new SelectorError(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      try {
        terms.push(this.#requirement());
      } catch (error) {
        if (!(error instanceof SelectorError)) throw error;
        throw new SelectorError(`unable to parse requirement: ${error.message}`);
      }
      const separator = this.#next();
      if (separator.type === "end") return terms;
      if (separator.text !== "," || separator.type !== "symbol")
        throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
      const after = this.#peek();
      if (after.type !== "word" && after.text !== "!")
        throw new SelectorError(`found '${after.text}', expected: identifier after ','`);
    }
  }

  #requirement(): LabelRequirement {
    let token = this.#next();
    const negated = token.type === "symbol" && token.text === "!";
    if (negated) token = this.#next();
    if (token.type !== "word") throw new SelectorError(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const reasons = qualifiedName(key);
    if (reasons.length > 0)
      throw new SelectorError(`<nil>: Invalid value: ${quote(key)}: ${reasons.join("; ")}`);
    if (this.#atTermEnd()) return labelRequirement(key, negated ? "!" : "exists", []);
    if (negated) return labelRequirement(key, "!", []);
    const operatorToken = this.#next();
    const operator = binaryOperators[operatorToken.text];
    if (operator === undefined)
      throw new SelectorError(`found '${operatorToken.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = operator === "in" || operator === "notin" ? this.#valueList() : [this.#exactValue()];
    return labelRequirement(key, operator, values);
  }

  #exactValue(): string {
    if (this.#atTermEnd()) return "";
    const token = this.#next();
    if (token.type !== "word") throw new SelectorError(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  #valueList(): string[] {
    const open = this.#next();
    if (open.text !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    // An item may be empty: "()", "(,a)", "(a,,b)" all hold the empty string.
    let item = "";
    for (;;) {
      const token = this.#next();
      if (token.type === "word") {
        item = token.text;
        const after = this.#peek();
        if (after.text !== "," && after.text !== ")")
          throw new SelectorError(`found '${after.text}', expected: ',' or ')'`);
        continue;
      }
      if (token.text !== "," && token.text !== ")")
        throw new SelectorError(`found '${token.text}', expected: ',', ')' or identifier`);
      values.push(item);
      item = "";
      if (token.text === ")") return values;
    }
  }

  #atTermEnd(): boolean {
    const token = this.#peek();
    return token.type === "end" || (token.type === "symbol" && token.text === ",");
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? endToken;
  }

  #next(): Token {
    const token = this.#peek();
    this.#position++;
    return token;
  }
}

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/** All requirements must hold. */
export type FieldTerms = readonly FieldRequirement[];

/** `fieldValue` gives a field's value, "" for absence. */
export function matchesFields(terms: FieldTerms, fieldValue: (field: string) => string): boolean {
  return terms.every(({ field, operator, value }) => (fieldValue(field) === value) === (operator === "="));
}

/** The value that `field` must have, where a selector fixes it. */
export function requiredField(terms: FieldTerms, field: string): string | undefined {
  return terms.find((term) => term.field === field && term.operator === "=")?.value;
}

export function formatFieldTerms(terms: FieldTerms): string {
  return terms
    .map(({ field, operator, value }) => `${field}${operator}${value.replace(/[\\,=]/g, "\\$&")}`)
    .join(",");
}

/** Parses `a=b,c!=d`; `\`, `,` and `=` in values are escaped with a backslash. Throws SelectorError. */
export function parseFieldSelector(text: string): FieldTerms {
  return splitFieldTerms(text)
    .sort()
    .filter((term) => term !== "")
    .map((term) => parseFieldTerm(text, term));
}

function splitFieldTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let position = 0; position < text.length; position++) {
    const character = text.charAt(position);
    if (character === "\\") position++;
    else if (character === ",") {
      terms.push(text.slice(start, position));
      start = position + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function parseFieldTerm(text: string, term: string): FieldRequirement {
  const match = /!=|==|=/.exec(term);
  if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
  return {
    field: term.slice(0, match.index),
    operator: match[0] === "!=" ? "!=" : "=",
    value: unescapeFieldValue(term.slice(match.index + match[0].length)),
  };
}

function unescapeFieldValue(text: string): string {
  let value = "";
  for (let position = 0; position < text.length; position++) {
    const character = text.charAt(position);
    if (character === "\\") {
      const escaped = text.charAt(++position);
      if (escaped === "" || !"\\,=".includes(escaped))
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${escaped}`);
      value += escaped;
    } else if (character === "," || character === "=") {
      throw new SelectorError(
        `invalid field selector: unescaped character in value: ${character.charCodeAt(0)}`,
      );
    } else value += character;
  }
  return value;
}
