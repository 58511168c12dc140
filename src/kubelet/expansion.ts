/**
 * `$(NAME)` references in commands, arguments, environment values and volume sub-paths: a known name is replaced, an
 * unknown one stays as written, `$$` is a literal dollar sign.
 */
export function expandReferences(input: string, lookUp: (name: string) => string | undefined): string {
  let output = "";
  for (let index = 0; index < input.length; index++) {
    const char = input.charAt(index);
    if (char !== "$" || index + 1 >= input.length) {
      output += char;
      continue;
    }
    const next = input.charAt(index + 1);
    if (next === "$") {
      output += "$";
      index++;
      continue;
    }
    const end = next === "(" ? input.indexOf(")", index + 2) : -1;
    if (end < 0) {
      // Not a reference: the dollar sign and what follows stand as they are.
      output += char + next;
      index++;
      continue;
    }
    const name = input.slice(index + 2, end);
    output += lookUp(name) ?? `$(${name})`;
    index = end;
  }
  return output;
}
