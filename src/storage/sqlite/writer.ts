/** The thread that owns the database file: it loads it once, then writes batch after batch. */
import { parentPort, workerData } from "node:worker_threads";
import { Database } from "./database.ts";
import type { FromWriter, ToWriter, WriterData } from "./messages.ts";

const sqliteBusy = 5;
/** The log is emptied in the first pause this long after this many rows. */
const checkpointPauseMs = 300;
const checkpointRows = 500;

function failure(error: unknown): FromWriter {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return { type: "failed", message, locked: code === sqliteBusy };
}

function send(message: FromWriter): void {
  parentPort?.postMessage(message, message.type === "loaded" ? [message.rows.values.buffer] : []);
}

function carryOut(database: Database, message: ToWriter): void {
  try {
    if (message.type === "write") {
      database.write(message.rows, message.revision);
      send({ type: "written" });
      checkpointInPause(database, message.rows.keys.length);
    } else {
      clearTimeout(pause);
      database.close();
      send({ type: "closed" });
      parentPort?.close();
    }
  } catch (error) {
    send(failure(error));
  }
}

let rowsInLog = 0;
let pause: NodeJS.Timeout | undefined;

function checkpointInPause(database: Database, rows: number): void {
  rowsInLog += rows;
  if (rowsInLog < checkpointRows) return;
  if (pause !== undefined) {
    pause.refresh();
    return;
  }
  pause = setTimeout(() => {
    pause = undefined;
    rowsInLog = 0;
    try {
      database.checkpoint();
    } catch {
      // The log keeps everything; the next commit that cannot be written is told why.
    }
  }, checkpointPauseMs);
}

function open(): void {
  try {
    const { path, erase } = workerData as WriterData; // sqlite-storage.ts sends nothing else
    const database = new Database(path, { erase });
    for (const rows of database.load()) send({ type: "loaded", rows });
    parentPort?.on("message", (message: ToWriter) => carryOut(database, message));
    send({ type: "opened", revision: database.revision });
  } catch (error) {
    send(failure(error));
    parentPort?.close();
  }
}

open();
