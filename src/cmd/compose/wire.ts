import type { Duplex } from "node:stream";
import type { WebhookTransport } from "../../apiserver/admission/webhooks/caller.ts";
import type { ExtensionTransport } from "../../apiserver/aggregation/extension-transport.ts";
import type { BackendTransport } from "../../apiserver/connect/backend.ts";
import type { DialInProcess, KubeletIdentity, UpgradeOptions } from "../../apiserver/http/upgrade.ts";
import type { Clock } from "../../base/clock.ts";
import type { UserInfo } from "../../client/exchange.ts";

/**
 * How the API server reaches what is outside its process: kubelets, webhooks, extension servers. Node's HTTP and TLS modules
 * are loaded on the first request that needs them: a cluster that lives in its own process may never do.
 */
export interface Wire {
  readonly backends: BackendTransport;
  readonly extensions: ExtensionTransport;
  readonly webhooks: WebhookTransport;
  close(): Promise<void>;
}

export interface WireIdentities {
  readonly kubelet: KubeletIdentity | undefined;
  readonly frontProxy: { readonly certificate: string; readonly privateKey: string } | undefined;
}

export function lazyWire(
  { kubelet, frontProxy }: WireIdentities,
  clock: Clock,
  dialInProcess?: DialInProcess,
): Wire {
  const backends = onFirstUse(clock, async () => {
    const { createBackendTransport } = await import("../../apiserver/http/backend-transport.ts");
    return createBackendTransport(kubelet, dialInProcess);
  });
  const extensions = onFirstUse(clock, async () => {
    const { createExtensionTransport } = await import("../../apiserver/http/extension-transport.ts");
    return createExtensionTransport(frontProxy);
  });
  const webhooks = onFirstUse(clock, async () => {
    const { httpsWebhookTransport } = await import("../../apiserver/http/webhook-transport.ts");
    return httpsWebhookTransport();
  });
  return {
    backends: {
      request: async (request, options) => (await backends.get()).request(request, options),
    },
    extensions: {
      ...(frontProxy === undefined ? {} : { identity: frontProxy }),
      request: async (server, request, options) => (await extensions.get()).request(server, request, options),
      close: () => void extensions.peek()?.then((transport) => transport.close()),
    },
    webhooks: {
      post: async (target, body, options) => (await webhooks.get()).post(target, body, options),
    },
    async close() {
      (await extensions.peek())?.close();
      (await webhooks.peek())?.close();
    },
  };
}

/** Connections of this process to its own API server. */
export function inProcessConnector(
  options: Omit<UpgradeOptions, "context">,
  clock: Clock,
): (user: UserInfo) => Promise<Duplex> {
  const connections = onFirstUse(clock, async () => {
    const { inProcessConnections } = await import("../../apiserver/http/in-process-connections.ts");
    return inProcessConnections(options);
  });
  return async (user) => (await connections.get())(user);
}

/** A part that is loaded once, when it is first asked for; virtual time stands still meanwhile. */
function onFirstUse<T>(clock: Clock, load: () => Promise<T>) {
  let loaded: Promise<T> | undefined;
  return {
    get(): Promise<T> {
      loaded ??= clock.hold(load());
      return loaded;
    },
    peek: () => loaded,
  };
}
