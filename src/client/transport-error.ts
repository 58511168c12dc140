/** No usable answer was had: connection refused, reset, timed out, cut short, or not what the protocol allows. */
export class TransportError extends Error {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = "TransportError";
  }
}
