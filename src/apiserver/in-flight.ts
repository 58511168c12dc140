import { tooManyRequests } from "../apimachinery/api-error.ts";
import type { UserInfo } from "../client/exchange.ts";
import type { RequestInfo } from "./request-info.ts";

/** How many requests may be answered at the same time; upstream's defaults. */
export interface InFlightLimits {
  readonly readOnly: number;
  readonly mutating: number;
}

export const defaultInFlightLimits: InFlightLimits = { readOnly: 400, mutating: 200 };

const readOnlyVerbs: ReadonlySet<string> = new Set(["get", "list"]);
const lastingSubresources: ReadonlySet<string> = new Set(["attach", "exec", "log", "portforward", "proxy"]);
const retryAfterSeconds = 1;
const nothing = () => {};

/** Turns requests away while too many are being answered, so that those that are get done. */
export class InFlight {
  readonly #limits: InFlightLimits;
  #readOnly = 0;
  #mutating = 0;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  /** Takes a place, and gives the function that gives it back. Throws 429. Administrators and streams need none. */
  enter(info: RequestInfo, user: UserInfo): () => void {
    if (info.verb === "watch" || lastingSubresources.has(info.subresource)) return nothing;
    if (user.groups.includes("system:masters")) return nothing;
    if (readOnlyVerbs.has(info.verb)) {
      if (this.#readOnly >= this.#limits.readOnly) throw refusal();
      this.#readOnly++;
      return () => {
        this.#readOnly--;
      };
    }
    if (this.#mutating >= this.#limits.mutating) throw refusal();
    this.#mutating++;
    return () => {
      this.#mutating--;
    };
  }
}

function refusal(): Error {
  return tooManyRequests("Too many requests, please try again later.", retryAfterSeconds);
}
