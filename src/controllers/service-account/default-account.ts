import type { Namespace, ServiceAccount } from "../../api/core/types.generated.ts";
import { namespaces, serviceAccounts } from "../../api/resources.generated.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { create, type Intent } from "../framework/intent.ts";
import { isActiveNamespace, nameOf } from "../namespace/namespace-state.ts";

interface Snapshot {
  readonly namespace: Namespace;
  readonly account: ServiceAccount | undefined;
}

/** Every active namespace has the service account that pods run as unless they say otherwise. */
export function reconcileDefaultAccount({ namespace, account }: Snapshot): Intent[] {
  if (account !== undefined || !isActiveNamespace(namespace)) return [];
  const metadata = { namespace: nameOf(namespace), name: "default" };
  const wanted: ServiceAccount = { apiVersion: "v1", kind: "ServiceAccount", metadata };
  return [create(serviceAccounts, wanted, { ignore: ["AlreadyExists", "Forbidden"] })];
}

/** Keys are namespaces' names. */
export function serviceAccountController({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<Snapshot> {
  const namespaceInformer = informers.informer(namespaces);
  const accountInformer = informers.informer(serviceAccounts);
  return {
    name: "serviceaccount-controller",
    workers: 1,
    watches: [
      watch(namespaceInformer, (namespace) => [nameOf(namespace)]),
      watch(accountInformer, ({ metadata }) =>
        metadata.name === "default" && metadata.namespace !== undefined ? [metadata.namespace] : [],
      ),
    ],
    observe(name) {
      const namespace = namespaceInformer.lister.get(name);
      return namespace && { namespace, account: accountInformer.lister.get(`${name}/default`) };
    },
    reconcile: reconcileDefaultAccount,
  };
}
