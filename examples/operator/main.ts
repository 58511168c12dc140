import { apply, connect, consoleLogger, createManager, resources, terminationSignal } from "k8ts/client";
import { websiteController } from "./controller.ts";
import { websiteDefinition } from "./website.ts";

const { client, namespace } = await connect({ userAgent: "website-operator" });
await apply(client, resources.customResourceDefinitions, websiteDefinition, {
  fieldManager: "website-operator",
  force: true,
});
const manager = createManager({
  client,
  logger: consoleLogger(),
  leaderElection: { namespace, name: "website-operator" },
  http: { port: Number(process.env.PORT ?? 8080) },
});
manager.add(websiteController);
await manager.run({ signal: terminationSignal() });
await client.close();
