import type { AnyObject } from "../apimachinery/meta.ts";
import { Reinvocation } from "./admission/reinvocation.ts";
import { AdmissionMetrics, type AdmissionTimes, type TimesByOperation } from "./metrics/admission-metrics.ts";
import type { AdmissionAttributes, AdmissionCourse, AdmissionPlugin } from "./stages.ts";

interface TimedPlugin {
  readonly plugin: AdmissionPlugin;
  readonly admit: TimesByOperation;
  readonly validate: TimesByOperation;
}

/** All admission plugins as one: every `admit` in order, each seeing what the one before made of the object. */
export class AdmissionChain {
  readonly #plugins: readonly TimedPlugin[];
  readonly #admit: TimesByOperation;
  readonly #validate: TimesByOperation;
  readonly #now: () => number;
  readonly #hooks: AdmissionMetrics["hooks"];

  constructor(
    plugins: readonly AdmissionPlugin[],
    {
      metrics = new AdmissionMetrics(),
      now = () => 0,
    }: { metrics?: AdmissionMetrics; now?: () => number } = {},
  ) {
    this.#plugins = plugins.map((plugin) => ({
      plugin,
      admit: metrics.controller(plugin.name, "admit"),
      validate: metrics.controller(plugin.name, "validate"),
    }));
    this.#admit = metrics.step("admit");
    this.#validate = metrics.step("validate");
    this.#now = now;
    this.#hooks = metrics.hooks;
  }

  /** The object as the plugins want it. Throws the ApiError of the first that refuses. */
  async admit(attributes: AdmissionAttributes): Promise<AnyObject | undefined> {
    const timing = new Timing(this.#admit[attributes.operation], this.#now);
    const course = this.#course();
    const { reinvocation } = course;
    let current: AdmissionAttributes = { ...attributes, course };
    try {
      current = await this.#admitOnce(current, timing);
      if (reinvocation.isWanted) {
        reinvocation.round = 1;
        current = await this.#admitOnce(current, timing);
      }
    } catch (error) {
      timing.rejected();
      throw error;
    }
    timing.end();
    return current.object;
  }

  async #admitOnce(attributes: AdmissionAttributes, timing: Timing): Promise<AdmissionAttributes> {
    const { operation } = attributes;
    let current = attributes;
    for (const { plugin, admit } of this.#plugins) {
      if (plugin.admit === undefined || !plugin.handles(operation)) continue;
      timing.enter(admit[operation]);
      const verdict = plugin.admit(current);
      // Most decide at once: no turn of the event loop is spent on them, nor a look at the clock.
      const object = verdict instanceof Promise ? await timing.wait(verdict) : verdict;
      if (object !== undefined && object !== current.object) current = { ...current, object };
      timing.passed();
    }
    return current;
  }

  #course(): AdmissionCourse {
    return { reinvocation: new Reinvocation(), metrics: this.#hooks, now: this.#now };
  }

  async validate(request: AdmissionAttributes): Promise<void> {
    const { operation } = request;
    const attributes: AdmissionAttributes = { ...request, course: this.#course() };
    const timing = new Timing(this.#validate[operation], this.#now);
    try {
      for (const { plugin, validate } of this.#plugins) {
        if (plugin.validate === undefined || !plugin.handles(operation)) continue;
        timing.enter(validate[operation]);
        const verdict = plugin.validate(attributes);
        if (verdict instanceof Promise) await timing.wait(verdict);
        timing.passed();
      }
    } catch (error) {
      timing.rejected();
      throw error;
    }
    timing.end();
  }
}

/** The clock is read only around what has to be waited for: whatever decides at once took less than it can tell. */
class Timing {
  readonly #step: AdmissionTimes;
  readonly #now: () => number;
  #stepSeconds = 0;
  #current: AdmissionTimes | undefined;
  #startedMs: number | undefined;

  constructor(step: AdmissionTimes, now: () => number) {
    this.#step = step;
    this.#now = now;
  }

  enter(times: AdmissionTimes): void {
    this.#current = times;
    this.#startedMs = undefined;
  }

  wait<T>(work: Promise<T>): Promise<T> {
    this.#startedMs = this.#now();
    return work;
  }

  passed(): void {
    this.#current?.passed.observe(this.#takeSeconds());
  }

  rejected(): void {
    this.#current?.rejected.observe(this.#takeSeconds());
    this.#step.rejected.observe(this.#stepSeconds);
  }

  end(): void {
    this.#step.passed.observe(this.#stepSeconds);
  }

  #takeSeconds(): number {
    if (this.#startedMs === undefined) return 0;
    const seconds = Math.max(0, this.#now() - this.#startedMs) / 1000;
    this.#stepSeconds += seconds;
    return seconds;
  }
}
