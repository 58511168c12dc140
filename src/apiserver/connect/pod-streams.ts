import { badRequest } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { isTrue } from "../request-info.ts";

/** The requests to a kubelet that a pod's exec, attach, portforward and log stand for: pure, from the query. */

interface PodSpec {
  readonly nodeName?: string;
  readonly containers?: readonly NamedContainer[];
  readonly initContainers?: readonly NamedContainer[];
  readonly ephemeralContainers?: readonly NamedContainer[];
}
interface NamedContainer {
  readonly name: string;
}

export function specOf(pod: AnyObject): PodSpec {
  return (pod.spec ?? {}) as PodSpec; // a Pod as the registry keeps it
}

/** Throws 400 where the pod runs nowhere yet. */
export function nodeOf(pod: AnyObject): string {
  const { nodeName = "" } = specOf(pod);
  if (nodeName === "") throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return nodeName;
}

/** The container meant, where there is only one or it is named. Throws 400. */
function containerOf(pod: AnyObject, requested: string): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = specOf(pod);
  const name = pod.metadata.name;
  if (requested !== "") {
    const known = [...containers, ...initContainers, ...ephemeralContainers];
    if (known.some((container) => container.name === requested)) return requested;
    throw badRequest(`container ${requested} is not valid for pod ${name}`);
  }
  const [only] = containers;
  if (only !== undefined && containers.length === 1) return only.name;
  let message = `a container name must be specified for pod ${name}`;
  const names = (list: readonly NamedContainer[]) => list.map((container) => container.name).join(" ");
  if (containers.length > 0) message += `, choose one of: [${names(containers)}]`;
  if (initContainers.length > 0) message += ` or one of the init containers: [${names(initContainers)}]`;
  throw badRequest(message);
}

/** `PodExecOptions`, `PodAttachOptions` …: what admission sees of a connection. */
export function connectOptions(kind: string, query: URLSearchParams): AnyObject {
  const options: Record<string, unknown> = { kind, apiVersion: "v1", metadata: {} };
  for (const name of ["stdin", "stdout", "stderr", "tty"])
    if (query.has(name)) options[name] = isTrue(query.get(name));
  for (const name of ["container", "path"]) {
    const value = query.get(name);
    if (value !== null) options[name] = value;
  }
  if (query.has("command")) options.command = query.getAll("command");
  if (query.has("ports"))
    options.ports = query.getAll("ports").flatMap((list) => list.split(",").map(Number));
  return options as AnyObject; // kind, apiVersion and metadata are set above
}

const streamNames = { stdin: "input", stdout: "output", stderr: "error", tty: "tty" } as const;

/** `/exec/…` and `/attach/…` of the kubelet. */
export function streamTarget(verb: "exec" | "attach", pod: AnyObject, query: URLSearchParams): string {
  const named = ["stdin", "stdout", "stderr"].some((name) => query.has(name));
  // An attach that names no stream wants to see what there is.
  const wanted = (name: keyof typeof streamNames) =>
    named
      ? query.has(name) && isTrue(query.get(name))
      : verb === "attach" && (name === "stdout" || name === "stderr");
  const container = containerOf(pod, query.get("container") ?? "");
  // Told before what a kubelet would say of the streams.
  nodeOf(pod);
  const passed = new URLSearchParams();
  for (const name of ["stdin", "stdout", "stderr", "tty"] as const)
    if (wanted(name)) passed.set(streamNames[name], "1");
  if (!["input", "output", "error"].some((name) => passed.has(name)))
    throw badRequest("you must specify at least 1 of stdin, stdout, stderr");
  if (verb === "exec") {
    const command = query.getAll("command");
    if (command.length === 0) throw badRequest("you must specify a command");
    for (const part of command) passed.append("command", part);
  }
  return withQuery(podPath(verb, pod, container), passed);
}

export function portForwardTarget(pod: AnyObject, query: URLSearchParams): string {
  const passed = new URLSearchParams();
  for (const port of query.getAll("ports")) passed.append("port", port);
  return withQuery(podPath("portForward", pod), passed);
}

const logParameters = ["follow", "previous", "timestamps"] as const;
const logNumbers = ["sinceSeconds", "tailLines", "limitBytes"] as const;

/** `/containerLogs/…`. Throws 400 for options that do not go together. */
export function logTarget(pod: AnyObject, query: URLSearchParams): string {
  const container = containerOf(pod, query.get("container") ?? "");
  const passed = new URLSearchParams();
  for (const name of logParameters) if (isTrue(query.get(name))) passed.set(name, "true");
  for (const name of logNumbers) {
    const value = query.get(name);
    if (value === null || value === "") continue;
    const least = name === "tailLines" ? 0 : 1;
    if (!/^-?\d+$/.test(value))
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    if (Number(value) < least) throw badRequest(`${name} must be greater than or equal to ${least}`);
    passed.set(name, value);
  }
  const sinceTime = query.get("sinceTime");
  if (sinceTime !== null && sinceTime !== "") {
    if (passed.has("sinceSeconds"))
      throw badRequest("at most one of `sinceTime` or `sinceSeconds` may be specified");
    passed.set("sinceTime", sinceTime);
  }
  const stream = query.get("stream");
  if (stream !== null && stream !== "") passed.set("stream", stream);
  return withQuery(podPath("containerLogs", pod, container), passed);
}

function podPath(verb: string, pod: AnyObject, container?: string): string {
  const { namespace = "", name = "" } = pod.metadata;
  const segments = [verb, namespace, name, ...(container === undefined ? [] : [container])];
  return `/${segments.map(encodeURIComponent).join("/")}`;
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query}`;
}
