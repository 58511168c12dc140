import { registerHooks } from "node:module";
import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { authWords, withAuthFlags } from "./auth-flags.ts";
import { kubernetesVersion } from "./compose/versions.ts";
import { defaultDataDirectory } from "./data-directory.ts";
import { operationWords, withOperationFlags } from "./operation-flags.ts";
import { ownModules } from "./own-modules.ts";
import type { UpFlags } from "./up-options.ts";
import { UserError } from "./user-error.ts";

// In a checkout; what is published is few files.
if (import.meta.url.endsWith(".ts"))
  registerHooks({ resolve: ownModules(new URL("../", import.meta.url).href) });
// Left alone V8 collects the whole heap for every 64 MB of buffers that come and go: half the cost of carrying a stream.
setFlagsFromString("--external-memory-accounted-in-global-limit");
// Whoever reads what this prints may stop reading; the cluster runs on.
process.stdout.on("error", () => undefined);
const print = (line: string) => console.log(line);
const dataDir = ["--data-dir <dir>", "the cluster's folder", defaultDataDirectory()] as const;

const collect = (value: string, before: readonly string[] = []) => [...before, value];

const program = new Command("k8ts")
  .description(`Kubernetes ${kubernetesVersion} in TypeScript`)
  .showHelpAfterError("see --help");

const upCommand = program
  .command("up")
  .description("start a cluster, or the one that was stopped on the same folder")
  .option("--nodes <n>", "how many nodes; 0: the API and the controllers alone", "1")
  .option("--runtime <name>", "auto, containerd, or sim: containers in memory, for tests", "auto")
  .option("--storage <name>", "sqlite, which is durable, or memory", "sqlite")
  .option(...dataDir)
  .option("--port <port>", "where the API server listens; 0: any free one", "6443")
  .option("--kubeconfig <file>", "where to write the kubeconfig (default: in the cluster's folder)")
  .option("--containerd <socket>", "the first node's containerd, instead of a private one")
  .option("--disable <names>", "scheduler, controller-manager, proxy, dns, network, or controllers by name")
  .option("--image <file>", "import this archive into every node; may be given again", collect)
  .option("--detach", "return when the cluster is ready; it runs on in the background")
  .option("--log-level <level>", "debug, info, warn or error", "info");

withOperationFlags(withAuthFlags(upCommand)).action(async (flags: UpFlags) => {
  const { parseUpOptions } = await import("./up-options.ts");
  const options = await parseUpOptions(flags);
  if (options.detach) return detached(flags, options.dataDirectory);
  const { up, nextSteps } = await import("./up.ts");
  const cluster = await up(options, print);
  print(nextSteps(cluster.kubeconfig));
  await terminated();
  print("\nstopping; containers run on: `k8ts up` takes them over again, `k8ts down` ends them");
  await cluster.stop();
  process.exit(0);
});

program
  .command("down")
  .description("stop the cluster with all its containers")
  .option(...dataDir)
  .option("--purge", "remove its data too")
  .action(async ({ dataDir: directory, purge }: { dataDir: string; purge?: boolean }) => {
    const { down } = await import("./lifecycle-commands.ts");
    await down(directory, purge === true, print);
  });

program
  .command("status")
  .description("tell how the cluster is; exit code 0: up and ready")
  .option(...dataDir)
  .action(async ({ dataDir: directory }: { dataDir: string }) => {
    const { status } = await import("./lifecycle-commands.ts");
    if (!(await status(directory, print))) process.exitCode = 1;
  });

program
  .command("images")
  .description("the nodes' images")
  .command("import <file>")
  .description("import a docker or OCI archive into every node")
  .option(...dataDir)
  .action(async (file: string, { dataDir: directory }: { dataDir: string }) => {
    const { importImage } = await import("./lifecycle-commands.ts");
    await importImage(directory, file, print);
  });

program
  .command("version")
  .description("print the version")
  .action(() => print(`k8ts ${kubernetesVersion} (node ${process.version})`));

program.command("node-process <config>", { hidden: true }).action(async (config: string) => {
  const { runNodeProcess } = await import("./node-process.ts");
  await runNodeProcess(config);
  process.exit(0);
});

/** Runs `up` again without --detach, apart from this terminal. */
async function detached(flags: UpFlags, dataDirectory: string): Promise<void> {
  const { upDetached } = await import("./lifecycle-commands.ts");
  const { nextSteps } = await import("./up.ts");
  const words = ["up", "--nodes", flags.nodes, "--runtime", flags.runtime, "--storage", flags.storage];
  words.push("--data-dir", dataDirectory, "--port", flags.port, "--log-level", flags.logLevel);
  if (flags.kubeconfig !== undefined) words.push("--kubeconfig", flags.kubeconfig);
  if (flags.disable !== undefined) words.push("--disable", flags.disable);
  if (flags.containerd !== undefined) words.push("--containerd", flags.containerd);
  for (const file of flags.image ?? []) words.push("--image", file);
  words.push(...authWords(flags), ...operationWords(flags));
  const state = await upDetached(words, dataDirectory);
  print(`API server ready at ${state.server}`);
  print(nextSteps(state.kubeconfig));
}

function terminated(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`k8ts: ${error.message}`);
  process.exit(1);
}
