import type { UserInfo } from "../../client/exchange.ts";

/** Static tokens as `--token-auth-file` has them: `token,user,uid,"group1,group2"`. Throws an Error for a line that is none. */
export function readTokenFile(text: string): ReadonlyMap<string, UserInfo> {
  const users = new Map<string, UserInfo>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [token = "", name = "", uid = "", groups = "", ...more] = fieldsOf(line);
    if (name === "" || more.length > 0)
      throw new Error(`line ${index + 1} must have 3 or 4 fields: token, user name, user uid, and groups`);
    if (token === "") continue; // as upstream: a line without a token is left out
    users.set(token, {
      name,
      ...(uid === "" ? {} : { uid }),
      groups: groups
        .split(",")
        .map((group) => group.trim())
        .filter((group) => group !== ""),
    });
  }
  return users;
}

/** One line of comma-separated values; quotes hold commas, and a quote twice is one. */
function fieldsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain.trim(),
  );
}
