/** All names of an options record: the compiler sees that none is missing and none is another's. */
export type OptionNames<T> = { readonly [Name in keyof Required<T>]: true };

/**
 * Throws a TypeError where a record has a name that is no option's, and says which there are. Types tell this only to those who
 * compile, and not of what is spread: a misspelt selector would select everything.
 */
export function checkNames(where: string, given: object, known: Readonly<Record<string, true>>): void {
  if (typeof given !== "object" || given === null)
    throw new TypeError(`${where}: an object of options is expected, not ${String(given)}`);
  for (const name of Object.keys(given))
    if (!Object.hasOwn(known, name))
      throw new TypeError(
        `${where}: there is no option "${name}"; there are ${Object.keys(known).join(", ")}`,
      );
}
