/**
 * Label selectors, in both their forms: the string of a query (`app=web,tier in (a,b),!canary`) and the LabelSelector
 * of a spec. Grammar and messages are those of apimachinery's `labels` package.
 */
import { lookupTable } from "../base/lookup-table.ts";
import { labelValue, qualifiedName } from "./names.ts";
import { quote } from "./validation.ts";

export type Labels = Readonly<Record<string, string>>;

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** All must hold; none means everything is selected. */
export type LabelRequirements = readonly LabelRequirement[];

/** `metav1.LabelSelector` */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export class SelectorSyntaxError extends Error {}

const noLabels: Labels = {};

export function matchesLabels(requirements: LabelRequirements, labels: Labels | undefined): boolean {
  for (const requirement of requirements) if (!holds(requirement, labels ?? noLabels)) return false;
  return true;
}

function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "=":
    case "==":
    case "in":
      return value !== undefined && values.includes(value);
    case "!=":
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
      return value !== undefined && isInteger(value) && Number(value) > Number(values[0]);
    case "lt":
      return value !== undefined && isInteger(value) && Number(value) < Number(values[0]);
  }
}

const isInteger = (text: string) => /^[+-]?\d+$/.test(text);

const operatorOfExpression: Readonly<Record<string, LabelOperator>> = lookupTable({
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
});

/** The requirements of a spec's selector; undefined (a nil selector) selects nothing, {} everything. */
export function requirementsOf(selector: LabelSelector | undefined): LabelRequirements | undefined {
  if (selector === undefined) return undefined;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    requirements.push({ key, operator: "=", values: [value] });
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = operatorOfExpression[operator];
    if (known === undefined)
      throw new SelectorSyntaxError(`${quote(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: values ?? [] });
  }
  return requirements;
}

/** Whether a spec's selector selects these labels; a nil selector selects nothing. */
export function selectorMatches(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  const requirements = requirementsOf(selector);
  return requirements !== undefined && matchesLabels(requirements, labels);
}

/** The string form, requirements in the order of their keys: what `Scale.status.selector` and list calls carry. */
export function formatLabelSelector(requirements: LabelRequirements): string {
  return requirements
    .toSorted((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0))
    .map(formatRequirement)
    .join(",");
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${values.toSorted().join(",")})`;
    case "gt":
      return `${key}>${values[0] ?? ""}`;
    case "lt":
      return `${key}<${values[0] ?? ""}`;
    default:
      return `${key}${operator}${values[0] ?? ""}`;
  }
}

/** Throws SelectorSyntaxError with upstream's words. */
export function parseLabelSelector(text: string): LabelRequirements {
  if (text.trim() === "") return [];
  return new Parser(text).parse();
}

type TokenType = "name" | "end" | "symbol";
interface Token {
  readonly type: TokenType;
  readonly text: string;
}

const symbols = ["==", "!=", "!", "=", ",", "(", ")", ">", "<"] as const;
const specialCharacters = "=!(),><";

class Parser {
  readonly #text: string;
  #position = 0;
  #ahead: Token | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): LabelRequirements {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.type === "end") return requirements;
      if (token.type === "name" || token.text === "!") {
        requirements.push(this.#requirement());
        const next = this.#take();
        if (next.type === "end") return requirements;
        if (next.text !== ",") throw misplaced(`found '${next.text}', expected: ',' or 'end of string'`);
        const after = this.#peek();
        if (after.type !== "name" && after.text !== "!")
          throw misplaced(`found '${after.text}', expected: identifier after ','`);
      } else {
        throw misplaced(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      }
    }
  }

  #requirement(): LabelRequirement {
    const negated = this.#peek().text === "!" && this.#peek().type === "symbol";
    if (negated) this.#take();
    const key = this.#take();
    if (key.type !== "name") throw fail(`found '${key.text}', expected: identifier`);
    checkKey(key.text);
    if (negated) return { key: key.text, operator: "!", values: [] };
    const next = this.#peek();
    if (next.type === "end" || next.text === ",") return { key: key.text, operator: "exists", values: [] };
    return this.#comparison(key.text, this.#take());
  }

  #comparison(key: string, operator: Token): LabelRequirement {
    if (operator.type === "name" && (operator.text === "in" || operator.text === "notin")) {
      const values = this.#set();
      for (const value of values) checkValue(key, value);
      return { key, operator: operator.text, values };
    }
    if (operator.type === "symbol" && ["=", "==", "!="].includes(operator.text)) {
      const value = this.#value();
      checkValue(key, value);
      return { key, operator: operator.text as LabelOperator, values: [value] }; // one of the three just named
    }
    if (operator.type === "symbol" && (operator.text === ">" || operator.text === "<")) {
      const value = this.#value();
      if (!isInteger(value))
        throw fail(
          `values[0]: Invalid value: ${quote(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      return { key, operator: operator.text === ">" ? "gt" : "lt", values: [value] };
    }
    throw fail(`found '${operator.text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  #value(): string {
    const next = this.#peek();
    if (next.type === "end" || next.text === ",") return "";
    if (next.type !== "name") throw fail(`found '${next.text}', expected: identifier`);
    return this.#take().text;
  }

  #set(): string[] {
    const open = this.#take();
    if (open.text !== "(") throw fail(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    let expectsValue = true;
    for (;;) {
      const token = this.#take();
      if (token.type === "name") {
        if (!expectsValue) throw fail(`found '${token.text}', expected: ',' or ')'`);
        values.push(token.text);
        expectsValue = false;
      } else if (token.text === ",") {
        if (expectsValue) values.push("");
        expectsValue = true;
      } else if (token.text === ")") {
        if (expectsValue) values.push("");
        return [...new Set(values)];
      } else {
        throw fail(`found '${token.text}', expected: ${expected(values.length, expectsValue)}`);
      }
    }
  }

  #peek(): Token {
    this.#ahead ??= this.#scan();
    return this.#ahead;
  }

  #take(): Token {
    const token = this.#peek();
    this.#ahead = undefined;
    return token;
  }

  #scan(): Token {
    while (/\s/.test(this.#text.charAt(this.#position))) this.#position++;
    if (this.#position >= this.#text.length) return { type: "end", text: "" };
    for (const symbol of symbols)
      if (this.#text.startsWith(symbol, this.#position)) {
        this.#position += symbol.length;
        return { type: "symbol", text: symbol };
      }
    const start = this.#position;
    while (this.#position < this.#text.length) {
      const character = this.#text.charAt(this.#position);
      if (specialCharacters.includes(character) || /\s/.test(character)) break;
      this.#position++;
    }
    return { type: "name", text: this.#text.slice(start, this.#position) };
  }
}

function checkKey(key: string): void {
  const reasons = qualifiedName(key);
  if (reasons.length > 0) throw fail(`<nil>: Invalid value: ${quote(key)}: ${reasons.join("; ")}`);
}

function checkValue(key: string, value: string): void {
  const reasons = labelValue(value);
  if (reasons.length > 0)
    throw fail(`values[0][${key}]: Invalid value: ${quote(value)}: ${reasons.join("; ")}`);
}

/** What may stand where a set's next token is. */
function expected(values: number, expectsValue: boolean): string {
  if (values === 0) return "',', ')' or identifier";
  return expectsValue ? "',', or identifier" : "',' or ')'";
}

/** A fault between requirements. */
function misplaced(what: string): SelectorSyntaxError {
  return new SelectorSyntaxError(what);
}

/** A fault within a requirement. */
function fail(what: string): SelectorSyntaxError {
  return new SelectorSyntaxError(`unable to parse requirement: ${what}`);
}
