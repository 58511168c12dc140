import { execFileSync } from "node:child_process";
import { type GoPackage, parseGoPackage } from "./go-source.ts";
import { isStable } from "./swagger.ts";

/** A bare git directory and the revision to read: `path/to/api.git@v0.36.3`. */
export interface GitSource {
  readonly directory: string;
  readonly revision: string;
}

export function parseGitSource(argument: string): GitSource {
  const at = argument.lastIndexOf("@");
  return at < 0
    ? { directory: argument, revision: "HEAD" }
    : { directory: argument.slice(0, at), revision: argument.slice(at + 1) };
}

function git({ directory }: GitSource, ...command: string[]): string {
  return execFileSync("git", ["-C", directory, ...command], { encoding: "utf8", maxBuffer: 2 ** 26 });
}

/** Every API package of a stable version in the repository: those with a `generated.proto` under `<group>/<version>`. */
export function readApiPackages(source: GitSource): GoPackage[] {
  const files = git(source, "ls-tree", "-r", "--name-only", source.revision).split("\n");
  const packages: GoPackage[] = [];
  for (const protoFile of files) {
    const match = /^((?:.*\/)?(\w+)\/(v\d+\w*))\/generated\.proto$/.exec(protoFile);
    if (match === null) continue;
    const [, directory = "", folder = "", version = ""] = match;
    if (!isStable(version) || folder === "testapigroup") continue;
    const goFiles = files.filter(
      (file) =>
        file.startsWith(`${directory}/`) &&
        !file.slice(directory.length + 1).includes("/") &&
        /\.go$/.test(file) &&
        !/(_test|generated.*|zz_.*|conversion|defaults|doc|register)\.go$/.test(file),
    );
    const show = (file: string) => git(source, "show", `${source.revision}:${file}`);
    const group = /GroupName\s*=\s*"([^"]*)"/.exec(show(`${directory}/register.go`))?.[1] ?? "";
    packages.push(parseGoPackage({ group, folder, version }, goFiles.map(show), show(protoFile)));
  }
  return packages;
}
