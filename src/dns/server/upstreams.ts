import { createSocket, type RemoteInfo } from "node:dgram";
import { connect } from "node:net";

const timeoutMs = 2000;
const maxAtOnce = 1000;

/** How to ask. */
interface Asking {
  /** Addresses, the first one first. */
  readonly upstreams: readonly string[];
  /** An answer that was cut is asked for again over TCP: who wants it can take all of it. */
  readonly whole: boolean;
  readonly port?: number;
}

let underWay = 0;

/** Puts a question to the upstream servers in turn; undefined when none answers in time. */
export async function askUpstreams(
  question: Buffer,
  { upstreams, whole, port = 53 }: Asking,
): Promise<Buffer | undefined> {
  if (underWay >= maxAtOnce) return undefined;
  underWay++;
  try {
    for (const upstream of upstreams) {
      const answer = await askUdp(question, upstream, port);
      if (answer === undefined) continue;
      return whole && isCut(answer) ? ((await askTcp(question, upstream, port)) ?? answer) : answer;
    }
    return undefined;
  } finally {
    underWay--;
  }
}

function isCut(answer: Buffer): boolean {
  return answer.length > 2 && (answer.readUInt8(2) & 0b10) !== 0;
}

function askUdp(question: Buffer, upstream: string, port: number): Promise<Buffer | undefined> {
  return new Promise((done) => {
    const socket = createSocket(upstream.includes(":") ? "udp6" : "udp4");
    const end = (answer?: Buffer) => {
      clearTimeout(deadline);
      socket.removeAllListeners();
      socket.on("error", () => undefined);
      socket.close();
      done(answer);
    };
    const deadline = setTimeout(() => end(), timeoutMs);
    socket.on("error", () => end());
    socket.on("message", (answer: Buffer, from: RemoteInfo) => {
      // Only the one who was asked may answer, and only to this question.
      if (from.address === upstream && isAbout(answer, question)) end(answer);
    });
    socket.send(question, port, upstream);
  });
}

function askTcp(question: Buffer, upstream: string, port: number): Promise<Buffer | undefined> {
  return new Promise((done) => {
    const socket = connect(port, upstream);
    let received = Buffer.alloc(0);
    const end = (answer?: Buffer) => {
      clearTimeout(deadline);
      socket.destroy();
      done(answer);
    };
    const deadline = setTimeout(() => end(), timeoutMs);
    socket.on("error", () => end());
    socket.on("end", () => end());
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, Buffer.from(chunk)]);
      if (received.length < 2 || received.length < received.readUInt16BE(0) + 2) return;
      const answer = received.subarray(2, received.readUInt16BE(0) + 2);
      end(isAbout(answer, question) ? answer : undefined);
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(question.length);
    socket.write(Buffer.concat([length, question]));
  });
}

function isAbout(answer: Buffer, question: Buffer): boolean {
  return answer.subarray(0, 2).equals(question.subarray(0, 2));
}
