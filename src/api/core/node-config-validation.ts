/** The configuration that kubelets once read from the API: nodes that have one keep it, and it is judged as it was then. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { configMapKey, dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import type { Node, NodeConfigSource } from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateNodeConfiguration({ spec, status }: Node): Errors {
  return [
    ...validateSource("spec.configSource", spec?.configSource, "spec"),
    ...(["assigned", "active", "lastKnownGood"] as const).flatMap((name) =>
      validateSource(`status.config.${name}`, status?.config?.[name], "status"),
    ),
  ];
}

/** The spec names a config map; the status says which state of it was meant. */
function validateSource(
  path: string,
  source: NodeConfigSource | undefined,
  place: "spec" | "status",
): Errors {
  if (source === undefined) return [];
  if (source.configMap === undefined)
    return [
      field.invalid(
        path,
        inGoForm("NodeConfigSource", source),
        "exactly one reference subfield must be non-nil",
      ),
    ];
  const at = (name: string) => field.child(path, "configMap", name);
  const { configMap } = source;
  const states = ["uid", "resourceVersion"] as const;
  const required = { namespace: dns1123Label, name: dns1123Subdomain, kubeletConfigKey: configMapKey };
  return [
    ...states.flatMap((name) => {
      if (place === "spec")
        return configMap[name] ? [field.forbidden(at(name), `${name} must not be set in spec`)] : [];
      return configMap[name] ? [] : [field.required(at(name), `${name} must be set in status`)];
    }),
    ...Object.entries(required).flatMap(([name, check]) => {
      const value = configMap[name as keyof typeof required]; // its own keys
      return value
        ? field.invalidEach(at(name), value, check(value))
        : [field.required(at(name), `${name} must be set`)];
    }),
  ];
}
