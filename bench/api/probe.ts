/** Another client, on a thread of its own: how long a small GET takes while the server is busy with others. */
import { parentPort, workerData } from "node:worker_threads";
import { Connection, type Endpoint } from "./connection.ts";

const { endpoint, path } = workerData as { endpoint: Endpoint; path: string };
const pauseMs = 4;
const connection = await Connection.open(endpoint);
let latencies: number[] = [];
let stopped = false;
parentPort?.on("message", (message: "reset" | "stop") => {
  if (message === "stop") stopped = true;
  else latencies = [];
});
for (let turn = 0; turn < 50; turn++) await connection.send("GET", path);
parentPort?.postMessage("ready");
while (!stopped) {
  const start = performance.now();
  await connection.send("GET", path);
  latencies.push(performance.now() - start);
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}
parentPort?.postMessage(latencies);
connection.close();
parentPort?.close();
