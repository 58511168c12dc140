import { type JsonSchema, valuesOf } from "../../apimachinery/structural-schema/json-schema.ts";
import * as field from "../../apimachinery/validation.ts";

/** `.name` or `['name']`, at the place the last match ended. */
const step = /\.([^.[\]]+)|\['((?:[^'\\]|\\['\\abfnrt])*)'\]/y;

const escapes: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * Where the `fieldPath` of a rule leads, from the path of the value it judges: fields by their names, entries of maps by their
 * keys. Undefined: nowhere in this schema, or it is no path of fields and entries (KEP-2876).
 */
export function pathOfRule(base: string, fieldPath: string, schema: JsonSchema): string | undefined {
  let path = base;
  let current: JsonSchema | undefined = schema;
  step.lastIndex = 0;
  for (let at = 0; at < fieldPath.length; at = step.lastIndex) {
    const found = step.exec(fieldPath);
    if (found === null || current === undefined) return undefined;
    const [, plain, quoted = ""] = found;
    const name: string = plain ?? quoted.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
    const { properties }: JsonSchema = current;
    if (properties === undefined) {
      current = valuesOf(current);
      path = field.at(path, name);
    } else {
      current = Object.hasOwn(properties, name) ? properties[name] : undefined;
      path = field.child(path, name);
    }
    if (current === undefined) return undefined;
  }
  return path;
}
