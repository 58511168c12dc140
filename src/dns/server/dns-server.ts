import { createSocket, type Socket } from "node:dgram";
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
import { askUpstreams } from "./upstreams.ts";

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

/** Answers DNS over UDP and TCP on one port. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const { udp, tcp, port } = await listen(options);
  udp.on("message", (message, from) => {
    answerTo(message, options, "udp")
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

const freePortAttempts = 10;

/** The same port of both: any free one may be free of one of them only. */
async function listen(options: DnsServerOptions, attempt = 1) {
  const udp = createSocket("udp4");
  const port = await listenUdp(udp, options);
  const tcp = createServer((socket) => serveTcp(socket, options));
  try {
    await new Promise<void>((done, fail) => {
      tcp.once("error", fail);
      tcp.listen({ host: options.address, port }, done);
    });
    return { udp, tcp, port };
  } catch (error) {
    udp.close();
    if (options.port !== 0 || attempt === freePortAttempts) throw error;
    return listen(options, attempt + 1);
  }
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
      answerTo(message, options, "tcp")
        .then((answer) => answer !== undefined && socket.write(streamEncode(answer)))
        .catch(() => socket.destroy());
    }
    return undefined;
  });
}

/** Undefined: what came is no question, and gets no answer. */
async function answerTo(
  message: Buffer,
  options: DnsServerOptions,
  by: "udp" | "tcp",
): Promise<Packet | undefined> {
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
    const raw = await askUpstreams(message, { upstreams: options.upstreams, whole: by === "tcp" });
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
  const raw = await askUpstreams(question, { upstreams: options.upstreams, whole: true });
  return raw === undefined ? [] : (decode(raw).answers ?? []);
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
