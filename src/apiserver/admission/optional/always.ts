import type { AdmissionPlugin } from "../../stages.ts";
import { refuse } from "../dependencies.ts";

/** Lets everything pass; deprecated upstream. */
export function alwaysAdmit(): AdmissionPlugin {
  return { name: "AlwaysAdmit", handles: () => true };
}

/** Lets nothing pass; deprecated upstream. */
export function alwaysDeny(): AdmissionPlugin {
  return {
    name: "AlwaysDeny",
    handles: () => true,
    admit: deny,
    validate: deny,
  };
}

function deny(attributes: Parameters<typeof refuse>[0]): never {
  throw refuse(attributes, "admission control is denying all modifications");
}
