import type { AnyObject } from "../apimachinery/meta.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./stages.ts";

/** All admission plugins as one: every `admit` in order, each seeing what the one before made of the object. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** The object as the plugins want it. Throws the ApiError of the first that refuses. */
  async admit(attributes: AdmissionAttributes): Promise<AnyObject | undefined> {
    let object = attributes.object;
    for (const plugin of this.#plugins) {
      if (plugin.admit === undefined || !plugin.handles(attributes.operation)) continue;
      const admitted = plugin.admit(object === undefined ? attributes : { ...attributes, object });
      // Most decide at once: no turn of the event loop is spent on them.
      object = (admitted instanceof Promise ? await admitted : admitted) ?? object;
    }
    return object;
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.validate === undefined || !plugin.handles(attributes.operation)) continue;
      const verdict = plugin.validate(attributes);
      if (verdict instanceof Promise) await verdict;
    }
  }
}
