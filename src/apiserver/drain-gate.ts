import { failure } from "../apimachinery/api-error.ts";
import type { Clock } from "../base/clock.ts";
import type { ApiRequest, ApiResponse } from "../client/exchange.ts";
import type { ApiServer, RequestContext, Upgrade } from "./api-server.ts";
import { isLongRunning } from "./http/long-running.ts";
import { textResponse } from "./non-resource.ts";

/** Monitors see the end coming; what the server asks itself is part of what it still has to finish. */
const exemptPaths = ["/readyz", "/livez", "/healthz", "/metrics"];
const ownAgent = "kube-apiserver/";

export interface DrainOptions {
  /** `--shutdown-send-retry-after`: new requests are told 429 and when to come again, instead of 503. */
  readonly sendRetryAfter: boolean;
  /** What is not answered by then is not waited for; default 60 s, what a request may take. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 60_000;

/**
 * The way into a server from the network. When it is closed, those inside are finished and whoever comes is sent elsewhere: other
 * servers, or this one started again. Requests that last (watches, exec) are not waited for.
 */
export class DrainGate implements Pick<ApiServer, "handle" | "upgrade"> {
  readonly #server: Pick<ApiServer, "handle" | "upgrade">;
  readonly #clock: Clock;
  #inside = 0;
  #closed: DrainOptions | undefined;
  #isEmpty: (() => void) | undefined;

  constructor(server: Pick<ApiServer, "handle" | "upgrade">, { clock }: { readonly clock: Clock }) {
    this.#server = server;
    this.#clock = clock;
  }

  async handle(request: ApiRequest, context: RequestContext): Promise<ApiResponse> {
    if (this.#closed !== undefined && !isExempt(request)) return refusal(this.#closed);
    if (isLongRunning(request)) return this.#server.handle(request, context);
    this.#inside++;
    const { onAnswered } = context;
    // Where the edge tells, the request is inside until its answer is on the wire.
    let told: ((bytes: number) => void) | undefined;
    onAnswered?.((bytes) => {
      told?.(bytes);
      this.#leave();
    });
    try {
      return await this.#server.handle(request, {
        ...context,
        ...(onAnswered && {
          onAnswered: (callback: (bytes: number) => void) => {
            told = callback;
          },
        }),
      });
    } finally {
      if (onAnswered === undefined) this.#leave();
    }
  }

  async upgrade(request: ApiRequest, context: RequestContext): Promise<Upgrade> {
    if (this.#closed !== undefined) return { refusal: upgradeRefusal(this.#closed) };
    return this.#server.upgrade(request, context);
  }

  /** Lets nobody in from now on; resolves when those inside are answered, or the time is up. */
  async drain(options: DrainOptions): Promise<void> {
    this.#closed = options;
    if (this.#inside === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#isEmpty = resolve;
    const timer = this.#clock.setTimer(options.timeoutMs ?? defaultTimeoutMs, resolve);
    await promise;
    timer.cancel();
  }

  #leave(): void {
    this.#inside--;
    if (this.#inside === 0) this.#isEmpty?.();
  }
}

function isExempt({ path, headers }: ApiRequest): boolean {
  return (
    exemptPaths.some((prefix) => path.startsWith(prefix)) ||
    headers["user-agent"]?.startsWith(ownAgent) === true
  );
}

function refusal({ sendRetryAfter }: DrainOptions): ApiResponse {
  const { code, message, seconds } = sendRetryAfter ? comeAgain : goElsewhere;
  const response = textResponse(code, `${message}\n`);
  return { ...response, headers: { ...response.headers, "retry-after": String(seconds) } };
}

function upgradeRefusal({ sendRetryAfter }: DrainOptions): ApiResponse {
  const { code, message, reason, seconds } = sendRetryAfter ? comeAgain : goElsewhere;
  const headers = { "content-type": "application/json", "retry-after": String(seconds) };
  return { type: "object", status: code, headers, object: failure(code, reason, message).status };
}

const comeAgain = {
  code: 429,
  reason: "TooManyRequests",
  message: "The apiserver is shutting down, please try again later.",
  seconds: 5,
} as const;
const goElsewhere = {
  code: 503,
  reason: "ServiceUnavailable",
  message: "apiserver is shutting down",
  seconds: 1,
} as const;
