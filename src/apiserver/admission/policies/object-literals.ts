/**
 * Mutations are written with object literals: `Object{spec: Object.spec{replicas: 3}}`, `JSONPatch{op: "add", path: "/x"}`. Each is
 * a map with its fields' names as keys, and is made one before it is compiled.
 */
export function withoutObjectLiterals(expression: string): string {
  let result = "";
  let at = 0;
  const open: { readonly isObject: boolean; expectsField: boolean }[] = [];
  while (at < expression.length) {
    const rest = expression.slice(at);
    const text =
      /^(?:[rRbB]{0,2})(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*')/.exec(
        rest,
      )?.[0];
    if (text !== undefined) {
      result += text;
      at += text.length;
      continue;
    }
    const top = open.at(-1);
    const literal = /^(?:Object(?:\.\w+)*|JSONPatch)\s*\{/.exec(rest)?.[0];
    if (literal !== undefined && !/[\w.]$/.test(result)) {
      open.push({ isObject: true, expectsField: true });
      result += "{";
      at += literal.length;
      continue;
    }
    const word = /^[A-Za-z_]\w*/.exec(rest)?.[0];
    if (word !== undefined) {
      const isField = top?.isObject === true && top.expectsField;
      result += isField ? JSON.stringify(word) : word;
      if (top !== undefined) top.expectsField = false;
      at += word.length;
      continue;
    }
    const char = rest.charAt(0);
    if (char === "{" || char === "[" || char === "(") open.push({ isObject: false, expectsField: false });
    else if (char === "}" || char === "]" || char === ")") open.pop();
    else if (char === "," && top?.isObject === true) top.expectsField = true;
    result += char;
    at++;
  }
  return result;
}
