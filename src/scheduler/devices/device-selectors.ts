import type { Device, DeviceAttribute, DeviceSelector } from "../../api/resource/types.generated.ts";
import { createCelEnvironment, type Program } from "../../apimachinery/cel/environment.ts";
import { dynType } from "../../apimachinery/cel/types.ts";
import { qualified } from "./inventory.ts";

/** Rules in CEL that say which devices a request is for. This module brings the language along: load it when it is needed. */
export interface DeviceSelectors {
  /** Whether the device meets all of them. Throws where one cannot be compiled or evaluated. */
  match(selectors: readonly DeviceSelector[], driver: string, device: Device): boolean;
}

const maxPrograms = 1000;

export function createDeviceSelectors(): DeviceSelectors {
  const environment = createCelEnvironment({ device: dynType }, { binds: true });
  const toQuantity = createCelEnvironment({ text: dynType }).compile("quantity(text)");
  const programs = new Map<string, Program>();
  const variables = new WeakMap<Device, Map<string, unknown>>();
  const compiled = (expression: string): Program => {
    const known = programs.get(expression);
    if (known !== undefined) return known;
    if (programs.size >= maxPrograms) programs.clear();
    const program = environment.compile(expression, { wanted: ["bool"] });
    programs.set(expression, program);
    return program;
  };
  const variableOf = (driver: string, device: Device) => {
    const known = variables.get(device);
    if (known !== undefined) return known;
    const quantities = Object.entries(device.capacity ?? {}).map(
      ([name, { value }]) => [name, toQuantity.evaluate({ text: value })] as const,
    );
    const attributes = Object.entries(device.attributes ?? {}).map(
      ([name, attribute]) => [name, attributeValue(attribute)] as const,
    );
    const variable = new Map<string, unknown>([
      ["driver", driver],
      ["attributes", byDomain(driver, attributes)],
      ["capacity", byDomain(driver, quantities)],
      ["allowMultipleAllocations", device.allowMultipleAllocations === true],
    ]);
    variables.set(device, variable);
    return variable;
  };
  return {
    match: (selectors, driver, device) =>
      selectors.every(
        ({ cel }) =>
          cel !== undefined &&
          compiled(cel.expression).evaluate({ device: variableOf(driver, device) }) === true,
      ),
  };
}

function byDomain(driver: string, entries: readonly (readonly [string, unknown])[]): Map<string, unknown> {
  const domains = new Map<string, Map<string, unknown>>();
  for (const [name, value] of entries) {
    const [domain, id] = qualified(driver, name);
    domains.set(domain, (domains.get(domain) ?? new Map<string, unknown>()).set(id, value));
  }
  // A domain that nobody has names in is empty, not missing. CEL's library takes for a map only what is one itself.
  const plain = domains.get.bind(domains);
  domains.get = (domain) => plain(domain) ?? new Map<string, unknown>();
  return domains;
}

function attributeValue({ bool, int, string, version, ...lists }: DeviceAttribute): unknown {
  if (int !== undefined) return BigInt(int);
  return (
    bool ?? string ?? version ?? lists.ints?.map(BigInt) ?? lists.bools ?? lists.strings ?? lists.versions
  );
}
