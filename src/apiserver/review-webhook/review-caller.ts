import { type Clock, sleep } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { ApiResponse, Transport } from "../../client/exchange.ts";
import type { WebhookResult } from "../metrics/external-auth-metrics.ts";

/** Sends reviews (TokenReview, SubjectAccessReview) to a server that a kubeconfig names, as upstream's GenericWebhook. */
export interface ReviewCaller {
  /** The answer's object. Rejects with ReviewCallError, after retries of what may pass. */
  call(review: object, options: ReviewCallOptions): Promise<Readonly<Record<string, unknown>>>;
}

export interface ReviewCallOptions {
  readonly timeoutMs: number;
  /** Hears of each round-trip. */
  readonly asked?: (result: WebhookResult, durationMs: number) => void;
}

/** No answer could be had; the message is what administrators read in logs, and clients in a 500. */
class ReviewCallError extends Error {
  readonly result: WebhookResult;

  constructor(message: string, result: WebhookResult = "error") {
    super(message);
    this.result = result;
  }
}

/** How a call failed. */
export function resultOfFailure(error: unknown): WebhookResult {
  return error instanceof ReviewCallError ? error.result : "error";
}

export interface ReviewCallerDependencies {
  /** Reaches the kubeconfig's cluster: reviews go to its URL as it stands. */
  readonly transport: Transport;
  /** The URL for messages. */
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** How long to wait before the second attempt; 500 unless said. */
  readonly firstDelayMs?: number;
}

const attempts = 5;
const usualFirstDelayMs = 500;
const delayFactor = 1.5;
const delayJitter = 0.2;

/** An answer that says "again, later". */
class RetriableError extends ReviewCallError {}

export function reviewCaller(dependencies: ReviewCallerDependencies): ReviewCaller {
  const { clock, random, signal } = dependencies;
  return {
    async call(review, { timeoutMs, asked = () => {} }) {
      let delayMs = dependencies.firstDelayMs ?? usualFirstDelayMs;
      for (let attempt = 1; ; attempt++) {
        const startMs = clock.now();
        try {
          const answer = await callOnce(dependencies, review, timeoutMs);
          asked("success", clock.now() - startMs);
          return answer;
        } catch (error) {
          asked(signal.aborted ? "canceled" : resultOfFailure(error), clock.now() - startMs);
          if (!(error instanceof RetriableError) || attempt >= attempts) throw error;
        }
        await sleep(clock, delayMs * (1 + delayJitter * random.next()), { signal });
        delayMs *= delayFactor;
      }
    },
  };
}

async function callOnce(
  { transport, url, clock, signal }: ReviewCallerDependencies,
  review: object,
  timeoutMs: number,
): Promise<Readonly<Record<string, unknown>>> {
  const expiry = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => expiry.abort());
  const failed = (why: string) => `Post ${JSON.stringify(url)}: ${why}`;
  try {
    const response = await transport.send({
      method: "POST",
      path: "",
      query: new URLSearchParams(),
      headers: { "content-type": "application/json", accept: "application/json" },
      body: { object: review },
      signal: AbortSignal.any([signal, expiry.signal]),
    });
    return readAnswer(response);
  } catch (error) {
    if (error instanceof ReviewCallError) throw error;
    if (expiry.signal.aborted) throw new ReviewCallError(failed("context deadline exceeded"), "timeout");
    const message = error instanceof Error ? error.message : String(error);
    throw wasReset(error) ? new RetriableError(failed(message)) : new ReviewCallError(failed(message));
  } finally {
    timer.cancel();
  }
}

function wasReset(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNRESET";
}

async function readAnswer(response: ApiResponse): Promise<Readonly<Record<string, unknown>>> {
  const { status } = response;
  const object = response.type === "object" ? response.object : undefined;
  if (status >= 200 && status <= 299) {
    if (isRecord(object)) return object;
    throw new ReviewCallError("the webhook's answer is no JSON object");
  }
  const told = isRecord(object) && typeof object.message === "string" ? object.message : "unknown";
  const message = `an error on the server (${JSON.stringify(told.slice(0, 256))}) has prevented the request from succeeding`;
  const mayPass = [429, 500, 504].includes(status) || response.headers["retry-after"] !== undefined;
  const result = status === 504 ? "timeout" : "error";
  throw mayPass ? new RetriableError(message, result) : new ReviewCallError(message, result);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
