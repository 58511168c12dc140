import {
  addFinalizer,
  apply,
  type Client,
  type Condition,
  controller,
  controllerReference,
  hasFinalizer,
  isConditionTrue,
  predicates,
  removeFinalizer,
  resources,
  setCondition,
  source,
} from "k8ts/client";
import { type Website, websites } from "./website.ts";

const finalizer = "example.com/directory";
const owned = { fieldManager: "website-operator", force: true } as const;

/** Brings a Deployment, a Service and an entry in its namespace's directory to what a Website says. */
export const websiteController = controller({
  name: "website",
  for: source(websites, { when: predicates.generationChanged }),
  owns: [resources.deployments, resources.services],
  concurrency: 4,
  timeoutMs: 60_000,

  async reconcile(request, { client, cache, clock, events }) {
    const website = cache.get(websites, request);
    if (website === undefined) return;
    if (website.metadata.deletionTimestamp !== undefined) {
      // The Deployment and the Service go with their owner; the shared directory is ours to clean.
      if (!hasFinalizer(website, finalizer)) return;
      await enterDirectory(client, website, undefined);
      await removeFinalizer(client, websites, website, finalizer);
      return;
    }
    await addFinalizer(client, websites, website, finalizer);
    const deployment = await apply(client, resources.deployments, deploymentOf(website), owned);
    await apply(client, resources.services, serviceOf(website), owned);
    const address = `${request.name}.${request.namespace}.svc`;
    await enterDirectory(client, website, address);

    const { replicas = 1 } = website.spec;
    const readyReplicas = deployment.status?.readyReplicas ?? 0;
    const isReady = readyReplicas >= replicas;
    const ready: Omit<Condition, "lastTransitionTime"> = {
      type: "Ready",
      status: isReady ? "True" : "False",
      reason: isReady ? "Serving" : "Starting",
      message: `${readyReplicas} of ${replicas} are ready`,
      observedGeneration: website.metadata.generation ?? 0,
    };
    const before = website.status?.conditions;
    const status = { readyReplicas, address, conditions: setCondition(before, ready, clock) };
    await apply(client, websites, { metadata: request, status }, { ...owned, subresource: "status" });
    if (isReady && !isConditionTrue(before, "Ready"))
      events.event(website, { type: "Normal", reason: "Serving", note: `${address} is being served` });
  },
});

/** What both owned objects have in common: they go with the website, and a change of them wakes its controller. */
function ownedBy(website: Website) {
  const { name = "", namespace = "" } = website.metadata;
  const ownerReferences = [controllerReference(website)];
  return { labels: { website: name }, metadata: { name, namespace, ownerReferences } };
}

function deploymentOf(website: Website) {
  const { labels, metadata } = ownedBy(website);
  const { image, replicas = 1 } = website.spec;
  const template = { metadata: { labels }, spec: { containers: [{ name: "web", image }] } };
  return { metadata, spec: { replicas, selector: { matchLabels: labels }, template } };
}

function serviceOf(website: Website) {
  const { labels, metadata } = ownedBy(website);
  return { metadata, spec: { selector: labels, ports: [{ port: 80 }] } };
}

/** Each website speaks for its own entry of the shared config map: what it does not say any more is taken out. */
async function enterDirectory(client: Client, { metadata }: Website, address: string | undefined) {
  const { name = "", namespace = "" } = metadata;
  const data = address === undefined ? {} : { [name]: address };
  const directory = { metadata: { namespace, name: "websites" }, data };
  await apply(client, resources.configMaps, directory, { fieldManager: `website-${name}`, force: true });
}
