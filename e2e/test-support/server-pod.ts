import { existsSync } from "node:fs";
import { type Manifest, pod, type Spec, shell } from "./namespace.ts";

export interface ServerPodOptions {
  readonly tcp?: readonly number[];
  readonly udp?: readonly number[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly container?: Spec;
  readonly spec?: Spec;
}

/**
 * What every server answers: /hostname its own name, /client the address it was asked from, /status?code=N that code,
 * /headers; datagrams are answered with its name. It runs inside a pod.
 */
const program = `
const { tcp, udp } = JSON.parse(process.env.PORTS);
const name = require("os").hostname();
for (const port of tcp) require("http").createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://server");
  response.statusCode = Number(searchParams.get("code") ?? 200);
  if (pathname === "/client") response.end(request.socket.remoteAddress.replace("::ffff:", ""));
  else if (pathname === "/headers") response.end(JSON.stringify(request.headers));
  else if (pathname === "/echo") request.pipe(response);
  else if (pathname === "/hostname") response.end(name);
  else response.end(name + " " + request.method + " " + request.url);
}).listen(port);
for (const port of udp) {
  const socket = require("dgram").createSocket("udp4");
  socket.on("message", (_, from) => socket.send(name, from.port, from.address));
  socket.bind(port);
}
process.on("SIGTERM", () => process.exit());
`;

/** A pod with a server in it: this machine's own Node.js, its libraries mounted from the host. */
export function serverPod(name: string, options: ServerPodOptions = {}): Manifest {
  const { tcp = [8080], udp = [], labels = { app: name }, container = {}, spec = {} } = options;
  return pod(
    name,
    {
      ...spec,
      containers: [
        shell("", {
          command: ["/node", "-e", program],
          env: [{ name: "PORTS", value: JSON.stringify({ tcp, udp }) }],
          volumeMounts: hostVolumes().map(({ name: volume, mountPath }) => ({
            name: volume,
            mountPath,
            readOnly: true,
          })),
          ...(tcp[0] === undefined
            ? {}
            : { readinessProbe: { tcpSocket: { port: tcp[0] }, periodSeconds: 1 } }),
          ...container,
        }),
      ],
      volumes: hostVolumes().map(({ name: volume, path }) => ({ name: volume, hostPath: { path } })),
    },
    { labels },
  );
}

function hostVolumes() {
  return [
    { name: "node", path: process.execPath, mountPath: "/node" },
    ...["/usr", "/lib", "/lib64"]
      .filter((path) => existsSync(path))
      .map((path) => ({ name: path.slice(1), path, mountPath: path })),
  ];
}

/** In a server pod: sends a datagram, again while none is answered, and prints the answer, or "no answer". */
export function askByUdp(address: string, port: number): string {
  const script = `
const socket = require("dgram").createSocket("udp4");
socket.on("message", (text) => { console.log(String(text)); process.exit(); });
socket.on("error", (error) => { console.log(error.code); process.exit(); });
const ask = () => socket.send("hello", ${port}, "${address}");
ask();
setInterval(ask, 500);
setTimeout(() => { console.log("no answer"); process.exit(); }, 5000);`;
  return `/node -e '${script}'`;
}
