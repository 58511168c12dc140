/** Field selectors (`spec.nodeName=a,status.phase!=Failed`), with apimachinery's `fields` grammar and messages. */
import { SelectorSyntaxError } from "./label-selector.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/** Throws SelectorSyntaxError. Terms are split at commas; a backslash keeps `,`, `=` and itself literal. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === "") continue;
    const split = /^((?:\\.|[^=!\\])*)(!=|==|=)(.*)$/s.exec(term);
    if (split === null)
      throw new SelectorSyntaxError(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, field = "", operator, value = ""] = split;
    // As upstream: what names no field and no value asks for nothing.
    if (field === "" && value === "") continue;
    requirements.push({ field, operator: operator === "!=" ? "!=" : "=", value: unescapeValue(value) });
  }
  return requirements;
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  let escaped = false;
  for (let index = 0; index < text.length; index++) {
    if (escaped) escaped = false;
    else if (text[index] === "\\") escaped = true;
    else if (text[index] === ",") {
      terms.push(text.slice(start, index));
      start = index + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeValue(value: string): string {
  let plain = "";
  for (let index = 0; index < value.length; index++) {
    const character = value.charAt(index);
    if (character === "\\") {
      const next = value.charAt(++index);
      if (next !== "\\" && next !== "," && next !== "=")
        throw new SelectorSyntaxError(`invalid field selector: invalid escape sequence: \\${next}`);
      plain += next;
    } else if (character === "," || character === "=") {
      throw new SelectorSyntaxError(`invalid field selector: unescaped character in value: ${character}`);
    } else {
      plain += character;
    }
  }
  return plain;
}
