type Json = Readonly<Record<string, unknown>>;

/** An object, the items of a list or the rows of a table without `metadata.managedFields`; what has none is shared. */
export function withoutManagedFields(object: object): object {
  const json = object as Json; // objects of the API are records
  if (json.kind === "Table" && Array.isArray(json.rows))
    return { ...json, rows: json.rows.map((row) => ({ ...row, object: strip(row.object) })) };
  if (Array.isArray(json.items) && String(json.kind).endsWith("List"))
    return { ...json, items: json.items.map(strip) };
  return strip(json) as object;
}

function strip(value: unknown): unknown {
  const metadata = (value as { readonly metadata?: Json } | null | undefined)?.metadata; // any object's
  if (metadata?.managedFields === undefined) return value;
  const { managedFields: _, ...rest } = metadata;
  return { ...(value as object), metadata: rest };
}
