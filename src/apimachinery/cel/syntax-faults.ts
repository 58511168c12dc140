import type { Fault } from "./errors.ts";

/** What may begin a value, as the grammar's parser lists it. */
const values =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
const signs: Readonly<Record<string, string>> = {
  RPAREN: "')'",
  RBRACKET: "']'",
  RBRACE: "'}'",
  COLON: "':'",
  COMMA: "','",
};

const token = /^(?:\w+|==|!=|<=|>=|&&|\|\||"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[\s\S])/;

/** The words of cel-go's parser for what the library's refuses. `position`: where the library found it. */
export function syntaxFault(summary: string, expression: string, position: number): Fault {
  const syntax = (text: string, at = position): Fault => ({ text: `Syntax error: ${text}`, position: at });
  const rest = expression.slice(position);
  const found = token.exec(rest)?.[0] ?? "<EOF>";
  const shown = `'${found}'`;
  const after = rest.slice(found.length).trim();
  const [, reserved] = /^Reserved identifier: (\w+)$/.exec(summary) ?? [];
  if (reserved !== undefined) return { text: `reserved identifier: ${reserved}`, position };
  const [, macro] = /^(\w+)\(.*\) invalid predicate iteration variable$/.exec(summary) ?? [];
  if (macro !== undefined)
    return {
      text:
        macro === "map" || macro === "filter"
          ? "argument is not an identifier"
          : "argument must be a simple name",
      position,
    };
  if (/^(Unexpected character: [^']|Unterminated|Newlines)/.test(summary)) {
    // What cannot begin a token takes the character after it along.
    const wrong = summary.startsWith("Unexpected") ? rest.slice(0, /^[=|&]/.test(rest) ? 2 : 1) : rest;
    return syntax(`token recognition error at: '${wrong}'`);
  }
  if (/^Unexpected token/.test(summary))
    return syntax(`${canBegin(after) ? "extraneous" : "mismatched"} input ${shown} expecting ${values}`);
  const [, wanted, got] = /^Expected (\w+), got (\w+)$/.exec(summary) ?? [];
  if (wanted === "IDENTIFIER")
    if (/^(?:true|false|null)$/.test(found)) return syntax(`mismatched input ${shown} expecting IDENTIFIER`);
  if (wanted === "IDENTIFIER")
    return syntax(`no viable alternative at input '.${found === "<EOF>" ? "" : found}'`);
  const sign = wanted === undefined ? undefined : signs[wanted];
  if (sign !== undefined)
    return syntax(
      got === "EOF" && wanted !== "COLON"
        ? `missing ${sign} at '<EOF>'`
        : `mismatched input ${shown} expecting ${sign}`,
    );
  if (/^Unexpected character: '/.test(summary))
    return syntax(`${after === "" ? "extraneous" : "mismatched"} input ${shown} expecting <EOF>`);
  return syntax(summary);
}

const canBegin = (text: string) => /^[\w"'([{.!-]/.test(text);
