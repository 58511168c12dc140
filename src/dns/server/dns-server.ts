import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { createServer, type Server, type Socket as TcpSocket } from "node:net";
import { type Answer, decode, encode, type Packet, streamEncode } from "dns-packet";
import type { Logger } from "../../base/log.ts";
import {
  type ClusterRecords,
  type DnsAnswer,
  type DnsRecord,
  resolve,
  type SoaData,
  type SrvData,
} from "../records.ts";

export interface DnsServerOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** Whom to ask about names that are not the cluster's: addresses, the first one first. */
  readonly upstreams: readonly string[];
  readonly records: ClusterRecords;
  readonly logger: Logger;
}

export interface DnsServer extends AsyncDisposable {
  readonly port: number;
}

/** Plain UDP answers hold this much; a client that can take more says so (EDNS). */
const plainUdpBytes = 512;
const maxUdpBytes = 4096;
const maxTcpQueryBytes = 4096;
const tcpIdleMs = 10_000;
const upstreamTimeoutMs = 2000;
const maxForwards = 1000;

/** Answers DNS over UDP and TCP on one port. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const udp = createSocket("udp4");
  const port = await listenUdp(udp, options);
  const tcp = createServer((socket) => serveTcp(socket, options));
  await new Promise<void>((done, fail) => {
    tcp.once("error", fail);
    tcp.listen({ host: options.address, port }, done);
  });
  udp.on("message", (message, from) => {
    answerTo(message, options)
      .then((answer) => answer !== undefined && udp.send(fitUdp(answer, message), from.port, from.address))
      .catch((error: unknown) =>
        options.logger.debug({ error, from: from.address }, "a DNS question could not be answered"),
      );
  });
  udp.on("error", (error) => options.logger.warn({ error }, "the DNS socket failed"));
  return {
    port,
    async [Symbol.asyncDispose]() {
      await Promise.all([new Promise<void>((done) => udp.close(() => done())), closeTcp(tcp)]);
    },
  };
}

function listenUdp(udp: Socket, { address, port }: DnsServerOptions): Promise<number> {
  return new Promise((done, fail) => {
    udp.once("error", fail);
    udp.bind(port, address, () => {
      udp.off("error", fail);
      done(udp.address().port);
    });
  });
}

function closeTcp(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()));
}

function serveTcp(socket: TcpSocket, options: DnsServerOptions): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(tcpIdleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, Buffer.from(chunk)]);
    while (pending.length >= 2) {
      const length = pending.readUInt16BE(0);
      if (length > maxTcpQueryBytes) return socket.destroy();
      if (pending.length < length + 2) return;
      const message = pending.subarray(2, length + 2);
      pending = pending.subarray(length + 2);
      answerTo(message, options)
        .then((answer) => answer !== undefined && socket.write(streamEncode(answer)))
        .catch(() => socket.destroy());
    }
    return undefined;
  });
}

/** Undefined: what came is no question, and gets no answer. */
async function answerTo(message: Buffer, options: DnsServerOptions): Promise<Packet | undefined> {
  let query: ReturnType<typeof decode>;
  try {
    query = decode(message);
  } catch {
    return undefined;
  }
  const [question] = query.questions ?? [];
  if (query.type !== "query" || question === undefined) return undefined;
  const answer = resolve(question.name, question.type, options.records);
  if (answer.code === "FORWARD") {
    const raw = await forward(message, options);
    return raw === undefined ? failed(query) : decode(raw);
  }
  const followed =
    answer.follow === undefined || question.type === "CNAME"
      ? []
      : await followAlias(answer.follow, question.type, options);
  return response(query, answer, followed);
}

type Query = ReturnType<typeof decode>;
const recursionDesired = 1 << 8;
const recursionAvailable = 1 << 7;
const authoritative = 1 << 10;
const nameError = 3;
const serverFailure = 2;

function response(
  query: Query,
  answer: Exclude<DnsAnswer, { code: "FORWARD" }>,
  followed: readonly Answer[],
): Packet {
  const code = answer.code === "NXDOMAIN" ? nameError : 0;
  return {
    type: "response",
    id: query.id ?? 0,
    flags: authoritative | recursionAvailable | ((query.flags ?? 0) & recursionDesired) | code,
    questions: query.questions ?? [],
    answers: [...answer.answers.map(toAnswer), ...followed],
    authorities: answer.authority.map(toAnswer),
    additionals: answer.additional.map(toAnswer),
  };
}

function failed(query: Query): Packet {
  return {
    type: "response",
    id: query.id ?? 0,
    flags: recursionAvailable | ((query.flags ?? 0) & recursionDesired) | serverFailure,
    questions: query.questions ?? [],
  };
}

function toAnswer({ name, type, ttlSeconds: ttl, data }: DnsRecord): Answer {
  switch (type) {
    case "SRV":
      return { name, type, ttl, data: data as SrvData };
    case "SOA":
      return { name, type, ttl, data: data as SoaData };
    default:
      return { name, type, ttl, data: data as string };
  }
}

/** An ExternalName's target: asked of the cluster itself or of the upstreams, in the client's stead. */
async function followAlias(target: string, type: string, options: DnsServerOptions): Promise<Answer[]> {
  const own = resolve(target, type, options.records);
  if (own.code !== "FORWARD") return own.answers.map(toAnswer);
  const id = Math.floor(Math.random() * 65_536);
  const question = encode({
    type: "query",
    id,
    flags: recursionDesired,
    questions: [{ name: target, type: type as "A" }],
  });
  const raw = await forward(question, options);
  return raw === undefined ? [] : (decode(raw).answers ?? []);
}

let forwards = 0;

/** Asks the upstream servers in turn; undefined when none answers in time. */
async function forward(message: Buffer, { upstreams }: DnsServerOptions): Promise<Buffer | undefined> {
  if (forwards >= maxForwards) return undefined;
  forwards++;
  try {
    for (const upstream of upstreams) {
      const answer = await askUpstream(message, upstream);
      if (answer !== undefined) return answer;
    }
    return undefined;
  } finally {
    forwards--;
  }
}

function askUpstream(message: Buffer, upstream: string): Promise<Buffer | undefined> {
  return new Promise((done) => {
    const socket = createSocket(upstream.includes(":") ? "udp6" : "udp4");
    const end = (answer?: Buffer) => {
      clearTimeout(deadline);
      socket.removeAllListeners();
      socket.on("error", () => undefined);
      socket.close();
      done(answer);
    };
    const deadline = setTimeout(() => end(), upstreamTimeoutMs);
    socket.on("error", () => end());
    socket.on("message", (answer: Buffer, from: RemoteInfo) => {
      // Only the one who was asked may answer, and only to this question.
      if (from.address === upstream && answer.subarray(0, 2).equals(message.subarray(0, 2))) end(answer);
    });
    socket.send(message, 53, upstream);
  });
}

const truncated = 1 << 9;

/** An answer too long for the client's datagram is cut to its questions: the client asks again over TCP. */
function fitUdp(answer: Packet, query: Buffer): Buffer {
  const full = encode(answer);
  const edns = decode(query).additionals?.find(({ type }) => type === "OPT") as
    | { udpPayloadSize?: number }
    | undefined;
  const limit = Math.min(Math.max(edns?.udpPayloadSize ?? plainUdpBytes, plainUdpBytes), maxUdpBytes);
  if (full.length <= limit) return full;
  return encode({
    ...answer,
    flags: (answer.flags ?? 0) | truncated,
    answers: [],
    authorities: [],
    additionals: [],
  });
}
