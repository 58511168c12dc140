/**
 * What is wrong with a text that is no JSON, in the words of Go's `encoding/json`. The text is read again for it: JavaScript's own
 * parser has other words, and other places.
 */
export function jsonSyntaxError(text: string): string {
  const scanner = new Scanner(text);
  try {
    scanner.document();
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
  return "";
}

class Fault extends Error {}

/** Go goes to 10,000; what is nested so deep and broken beside is hardly read for its words. */
const maxDepth = 2_000;
const literals: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" };

class Scanner {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#refuse("after top-level value");
  }

  get #next(): string {
    return this.#text.charAt(this.#at);
  }

  #refuse(context: string): never {
    if (this.#at >= this.#text.length) throw new Fault("unexpected end of JSON input");
    throw new Fault(`invalid character ${quotedByte(this.#text, this.#at)} ${context}`);
  }

  #skipSpace(): void {
    while (this.#next !== "" && " \t\r\n".includes(this.#next)) this.#at++;
  }

  /** Takes the next character where it is this one. */
  #take(character: string): boolean {
    if (this.#next !== character) return false;
    this.#at++;
    return true;
  }

  #value(): void {
    this.#skipSpace();
    if (++this.#depth > maxDepth) throw new Fault("exceeded max depth");
    const literal = literals[this.#next];
    if (literal !== undefined) this.#literal(literal);
    else if (this.#take("{")) this.#object();
    else if (this.#take("[")) this.#array();
    else if (this.#take('"')) this.#string();
    else if (/[-0-9]/.test(this.#next)) this.#number();
    else this.#refuse("looking for beginning of value");
    this.#depth--;
  }

  #object(): void {
    this.#skipSpace();
    if (this.#take("}")) return;
    do {
      this.#skipSpace();
      if (!this.#take('"')) this.#refuse("looking for beginning of object key string");
      this.#string();
      this.#skipSpace();
      if (!this.#take(":")) this.#refuse("after object key");
      this.#value();
      this.#skipSpace();
    } while (this.#take(","));
    if (!this.#take("}")) this.#refuse("after object key:value pair");
  }

  #array(): void {
    this.#skipSpace();
    if (this.#take("]")) return;
    do {
      this.#value();
      this.#skipSpace();
    } while (this.#take(","));
    if (!this.#take("]")) this.#refuse("after array element");
  }

  #string(): void {
    while (!this.#take('"')) {
      if (this.#next < " ") this.#refuse("in string literal");
      if (!this.#take("\\")) this.#at++;
      else if (this.#take("u")) this.#hexadecimal();
      else if (this.#next !== "" && 'bfnrt\\/"'.includes(this.#next)) this.#at++;
      else this.#refuse("in string escape code");
    }
  }

  #hexadecimal(): void {
    for (let digit = 0; digit < 4; digit++) {
      if (!/[0-9a-fA-F]/.test(this.#next)) this.#refuse("in \\u hexadecimal character escape");
      this.#at++;
    }
  }

  #number(): void {
    this.#take("-");
    if (!this.#take("0")) this.#digits("in numeric literal");
    if (this.#take(".")) this.#digits("after decimal point in numeric literal");
    if (!this.#take("e") && !this.#take("E")) return;
    if (!this.#take("+")) this.#take("-");
    this.#digits("in exponent of numeric literal");
  }

  #digits(context: string): void {
    if (!/[0-9]/.test(this.#next)) this.#refuse(context);
    while (/[0-9]/.test(this.#next)) this.#at++;
  }

  #literal(literal: string): void {
    for (const character of literal)
      if (!this.#take(character)) this.#refuse(`in literal ${literal} (expecting '${character}')`);
  }
}

const named: Readonly<Record<string, string>> = {
  "'": "\\'",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
  "\v": "\\v",
  "\x07": "\\a",
  "\\": "\\\\",
};

/** The first byte of a character as Go quotes it: of a character of several bytes that is not the character itself. */
function quotedByte(text: string, at: number): string {
  const [byte = 0] = new TextEncoder().encode(String.fromCodePoint(text.codePointAt(at) ?? 0));
  const character = String.fromCharCode(byte);
  const hexadecimal = byte.toString(16).padStart(2, "0");
  const shown =
    byte < 0x20 || byte === 0x7f
      ? `\\x${hexadecimal}`
      : byte >= 0x80 && byte < 0xa0
        ? `\\u00${hexadecimal}`
        : character;
  return `'${named[character] ?? shown}'`;
}
