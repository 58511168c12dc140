import { BlockList, isIP } from "node:net";

/**
 * The proxy that the environment names for a server, by the rules of Go's net/http (HTTPS_PROXY, HTTP_PROXY, NO_PROXY, in capitals
 * or not); undefined: none.
 */
export function proxyOfEnvironment(server: URL, environment: NodeJS.ProcessEnv): string | undefined {
  const value = (name: string) => environment[name] || environment[name.toLowerCase()] || "";
  const proxy = value(server.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY");
  const exempt = value("NO_PROXY").split(",");
  if (proxy === "" || exempt.some((entry) => matches(entry.trim().toLowerCase(), server))) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** An entry of NO_PROXY: "*", an address, a range of addresses, or a domain with what is below it; with a port or not. */
function matches(entry: string, server: URL): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (entry === "*") return true;
  const family = isIP(host);
  if (entry.includes("/")) return family !== 0 && isInRange(entry, host, family);
  const [, name = "", port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  const serverPort = server.port || (server.protocol === "https:" ? "443" : "80");
  if (name === "" || (port !== undefined && port !== serverPort)) return false;
  if (family !== 0) return name === host;
  // "*.example.com" and ".example.com": only what is below it.
  const suffix = name.replace(/^\*(?=\.)/, "");
  return suffix.startsWith(".") ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function isInRange(range: string, host: string, family: number): boolean {
  const [address = "", bits] = range.split("/");
  const length = Number(bits);
  if (isIP(address) !== family || !Number.isInteger(length) || length > (family === 4 ? 32 : 128))
    return false;
  const kind = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(address, length, kind);
  return list.check(host, kind);
}
