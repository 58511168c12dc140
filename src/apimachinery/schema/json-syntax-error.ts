/** What Go's parser says where this one's message begins like that. */
const contexts: readonly (readonly [RegExp, string])[] = [
  [/^Expected ',' or '\}'/, "after object key:value pair"],
  [/^Expected ',' or '\]'/, "after array element"],
  [/^Expected ':'/, "after object key"],
  [/property name/, "looking for beginning of object key string"],
  [/^Unexpected non-whitespace/, "after top-level value"],
  [/^Unexpected token/, "looking for beginning of value"],
];

/** An error of `JSON.parse` in the words of Go's parser, as far as they have an equal. */
export function jsonSyntaxError(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const position = Number(/at position (\d+)/.exec(message)?.[1] ?? Number.NaN);
  if (message.startsWith("Unexpected end") || position >= text.length) return "unexpected end of JSON input";
  const context = contexts.find(([pattern]) => pattern.test(message))?.[1];
  const character = /^Unexpected token '(.+?)'/su.exec(message)?.[1] ?? text.charAt(position);
  if (context === undefined || character === "") return message;
  return `invalid character '${character}' ${context}`;
}
