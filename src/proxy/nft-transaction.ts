import { baseRules, type RuleOptions, type ServiceRules, tableName } from "./nft-rules.ts";

/**
 * One nft script that takes the kernel from the rules it has to those it should have. nft carries a script out whole or
 * not at all. Undefined when nothing changed.
 */
export function nftTransaction(
  before: ReadonlyMap<string, ServiceRules> | undefined,
  after: ReadonlyMap<string, ServiceRules>,
  options: RuleOptions,
): string | undefined {
  const table = `${options.family} ${tableName}`;
  const script: string[] = [];
  if (before === undefined) {
    // Whatever an earlier process left is replaced in the same transaction: no moment without rules.
    script.push(`table ${table}`, `delete table ${table}`, baseRules(options));
  }
  const changed = [...after.values()].filter((rules) => !sameRules(before?.get(rules.key), rules));
  const stale = [...(before ?? [])]
    .filter(([key, rules]) => !sameRules(after.get(key), rules))
    .map(([, rules]) => rules);
  if (before !== undefined && changed.length === 0 && stale.length === 0) return undefined;
  for (const rules of stale)
    for (const { map, key } of rules.elements) script.push(`delete element ${table} ${map} { ${key} }`);
  script.push(...addressChanges(table, clusterIpsOf(before), clusterIpsOf(after)));
  script.push(...chainChanges(table, stale, changed));
  for (const rules of changed) {
    for (const { map, key, value } of rules.elements)
      script.push(`add element ${table} ${map} { ${key} : ${value} }`);
  }
  return `${script.join("\n")}\n`;
}

function clusterIpsOf(rules: ReadonlyMap<string, ServiceRules> | undefined): ReadonlySet<string> {
  return new Set([...(rules?.values() ?? [])].flatMap(({ clusterIps }) => clusterIps));
}

function addressChanges(table: string, before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  const change = (verb: string, addresses: ReadonlySet<string>) =>
    addresses.size === 0 ? [] : [`${verb} element ${table} cluster-ips { ${[...addresses].join(", ")} }`];
  return [...change("delete", before.difference(after)), ...change("add", after.difference(before))];
}

/** Chains that stay are flushed and filled anew; those that go are deleted when nothing points to them any more. */
function chainChanges(
  table: string,
  stale: readonly ServiceRules[],
  changed: readonly ServiceRules[],
): string[] {
  const script: string[] = [];
  const kept = new Set(changed.flatMap(({ chains }) => chains.map(({ name }) => name)));
  const keptSets = new Set(changed.flatMap(({ sets }) => sets.map(({ name }) => name)));
  const staleChains = stale.flatMap(({ chains }) => chains.map(({ name }) => name));
  const staleSets = stale.flatMap(({ sets }) => sets.map(({ name }) => name));
  for (const rules of changed) {
    for (const { name, definition } of rules.sets) script.push(`add set ${table} ${name} ${definition}`);
    for (const { name } of rules.chains) script.push(`add chain ${table} ${name}`);
  }
  for (const name of staleChains) script.push(`flush chain ${table} ${name}`);
  for (const rules of changed) {
    for (const { name, rules: lines } of rules.chains)
      for (const line of lines) script.push(`add rule ${table} ${name} ${line}`);
  }
  // Those that go to others were made last.
  for (const name of staleChains.toReversed())
    if (!kept.has(name)) script.push(`delete chain ${table} ${name}`);
  for (const name of staleSets) if (!keptSets.has(name)) script.push(`delete set ${table} ${name}`);
  return script;
}

function sameRules(a: ServiceRules | undefined, b: ServiceRules | undefined): boolean {
  return a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
