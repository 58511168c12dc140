import type { ForwardedConnection, ProcessExit, ProcessStreams } from "../byte-stream.ts";

export interface RunOverSpdyOptions {
  readonly tty: boolean;
  readonly streams: ProcessStreams;
  readonly signal?: AbortSignal;
}

export interface ForwardOverSpdyOptions {
  readonly port: number;
  readonly connection: ForwardedConnection;
  readonly signal?: AbortSignal;
}

export function runOverSpdy(_url: string, _options: RunOverSpdyOptions): Promise<ProcessExit> {
  return Promise.reject(new Error("not written yet"));
}

export function forwardOverSpdy(_url: string, _options: ForwardOverSpdyOptions): Promise<void> {
  return Promise.reject(new Error("not written yet"));
}
