import type { Command } from "commander";

/**
 * [flag's words, member of Flags, what it does]. Of the words the last says what the value is: "<list>": given again, it adds to
 * the list; "[bool]": it may be left out, which is a yes.
 */
export type FlagDefinition<Flags> = readonly [string, keyof Flags & string, string];

export interface FlagGroup<Flags> {
  readonly heading: string;
  readonly flags: readonly FlagDefinition<Flags>[];
}

/** Adds the flags to a command, under headings of their own. Those that are `repeatable` become lists of what was given. */
export function withFlagGroups<Flags>(
  command: Command,
  groups: readonly FlagGroup<Flags>[],
  repeatable: ReadonlySet<string> = new Set(),
): Command {
  const collect = (value: string, before: readonly string[] = []) => [...before, value];
  for (const { heading, flags } of groups) {
    command.optionsGroup(heading);
    for (const [words, member, description] of flags) {
      if (repeatable.has(member)) command.option(words, description, collect);
      else if (words.endsWith("<list>")) command.option(words, description, joined);
      // Without this it would take a word after it for another flag's.
      else if (words.endsWith("[bool]")) command.option(words, description, (value: string) => value);
      else command.option(words, description);
    }
  }
  return command;
}

function joined(value: string, before = ""): string {
  return before === "" || value === "" ? before + value : `${before},${value}`;
}

/** The flags again as words of a command line. */
export function flagWords<Flags>(groups: readonly FlagGroup<Flags>[], flags: Flags): string[] {
  return groups.flatMap(({ flags: definitions }) =>
    definitions.flatMap(([words, member]) => {
      const [flag = ""] = words.split(" ");
      const value: unknown = flags[member];
      if (value === undefined) return [];
      // Commander has `true` for a flag that stands alone.
      return (Array.isArray(value) ? value : [value]).map((each) => `${flag}=${String(each)}`);
    }),
  );
}
