import type { Logger } from "../base/log.ts";

/**
 * For what slipped through: a rejection nobody handled and a connection's error nobody listened to are logged and live on; any
 * other exception is a broken invariant, after which nothing can be trusted: it is logged and ends the process. Containers
 * run on, and the next start takes them over.
 */
export function installLastResort(logger: Logger & { flush(): void }): void {
  process.on("unhandledRejection", (error) => logger.error({ error }, "a rejection was not handled"));
  process.on("uncaughtException", (error) => {
    if (isConnectionError(error)) {
      logger.error({ error }, "an error of a connection was not handled");
      return;
    }
    logger.error({ error }, "an invariant is broken; stopping");
    logger.flush();
    console.error(`k8ts: stopped by an error of its own: ${error.stack ?? error.message}`);
    process.exit(70);
  });
}

const connectionCodes =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_STREAM|ERR_HTTP2|ERR_SSL|ERR_TLS|HPE_)/;

/** Whether it tells of the other side of a connection rather than of this program. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof Error && "code" in error && connectionCodes.test(String(error.code));
}
