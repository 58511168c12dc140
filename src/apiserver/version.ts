import { checkProducible, mediaTypes } from "./content/negotiate.ts";
import type { NonResourceHandler } from "./non-resource.ts";
import { methodNotAllowed } from "./router-refusals.ts";

/** What is served, and by what: gitVersion tells both. */
const gitVersion = "v1.36.0+k8ts";

const build = {
  major: "1",
  minor: "36",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  compiler: "typescript",
  platform: "linux/amd64",
};

/** The labels of `kubernetes_build_info`. */
export const buildLabels: Readonly<Record<string, string>> = {
  major: build.major,
  minor: build.minor,
  git_version: gitVersion,
  git_commit: build.gitCommit,
  git_tree_state: build.gitTreeState,
  build_date: build.buildDate,
  go_version: "k8ts",
  compiler: build.compiler,
  platform: build.platform,
};

/** As the status page has it. */
export const programVersion = {
  program: `${build.major}.${build.minor}.0`,
  language: "k8ts",
  emulated: `${build.major}.${build.minor}`,
};

/** Serves /version. */
export const versionHandler: NonResourceHandler = {
  paths: ["/version"],
  handle(request) {
    if (request.path !== "/version" && request.path !== "/version/") return undefined;
    if (request.method !== "GET") throw methodNotAllowed();
    checkProducible(request.headers.accept, [mediaTypes.json]);
    const object = {
      major: build.major,
      minor: build.minor,
      emulationMajor: "1",
      emulationMinor: "36",
      minCompatibilityMajor: "1",
      minCompatibilityMinor: "35",
      gitVersion,
      gitCommit: build.gitCommit,
      gitTreeState: build.gitTreeState,
      buildDate: build.buildDate,
      goVersion: "k8ts",
      compiler: build.compiler,
      platform: build.platform,
    };
    return {
      type: "object",
      status: 200,
      headers: { "content-type": "application/json" },
      object,
      isPretty: true,
    };
  },
};

/** Serves "/": every path there is. */
export function indexHandler(handlers: readonly NonResourceHandler[]): NonResourceHandler {
  return {
    paths: [],
    handle(request) {
      if (request.path !== "/" && request.path !== "/index.html") return undefined;
      const paths = [...new Set(handlers.flatMap((handler) => handler.paths))].toSorted();
      return {
        type: "object",
        status: 200,
        headers: { "content-type": "application/json" },
        object: { paths },
        isPretty: true,
      };
    },
  };
}
