/** Filling of absent fields, by copy. */

type Fields<T> = { readonly [Name in keyof T]?: T[Name] };

/**
 * `object` with the fields of `defaults` that it does not have (absent or null); the argument itself when it has all.
 * The rule for what is a pointer upstream: "", 0 and false are values.
 */
export function fillAbsent<T extends object>(object: T, defaults: Fields<T>): T {
  return fill(object, defaults, (value) => value === undefined || value === null);
}

/** As `fillAbsent`, where "" and 0 count as absent as well: the rule for what is a plain value upstream. */
export function fillEmpty<T extends object>(object: T, defaults: Fields<T>): T {
  return fill(
    object,
    defaults,
    (value) => value === undefined || value === null || value === "" || value === 0,
  );
}

function fill<T extends object>(object: T, defaults: Fields<T>, isMissing: (value: unknown) => boolean): T {
  let filled: T | undefined;
  for (const name in defaults) {
    if (!isMissing(object[name]) || defaults[name] === undefined) continue;
    filled ??= { ...object };
    filled[name] = defaults[name] as T[typeof name]; // undefined was left out just above
  }
  return filled ?? object;
}

/** `object` with one present field changed by `change`; the argument itself where the field is absent or the same. */
export function mapField<T extends object, Name extends keyof T>(
  object: T,
  name: Name,
  change: (value: NonNullable<T[Name]>) => NonNullable<T[Name]>,
): T {
  const value = object[name];
  if (value === undefined || value === null) return object;
  const changed = change(value);
  return changed === value ? object : { ...object, [name]: changed };
}

/** `list` with each item changed; the argument itself when none is. */
export function mapItems<T>(list: readonly T[], change: (item: T) => T): readonly T[] {
  let changed: T[] | undefined;
  list.forEach((item, index) => {
    const after = change(item);
    if (after === item) return;
    changed ??= [...list];
    changed[index] = after;
  });
  return changed ?? list;
}

/** `object` without a field; the argument itself where it is absent. */
export function dropField<T extends object, Name extends keyof T>(object: T, name: Name): T {
  if (!(name in object)) return object;
  const { [name]: _dropped, ...rest } = object;
  return rest as T; // callers drop optional fields only
}
