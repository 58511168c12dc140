import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { Root } from "protobufjs";

/** A message as a plain object. */
export type Message = Record<string, unknown>;

export interface GrpcService {
  /** "v2.KeyManagementService": its messages are in the same package, named after the methods. */
  readonly name: string;
  readonly root: Root;
  /** One that throws an Error answers UNAVAILABLE with its message. */
  readonly methods: Readonly<Record<string, (request: Message) => Message>>;
}

/** Serves a gRPC service of a test; `target` is as @grpc/grpc-js has it: "unix:/run/x.sock". */
export async function serveGrpc(target: string, { name, root, methods }: GrpcService): Promise<Server> {
  const packageName = name.slice(0, name.lastIndexOf("."));
  const served = Object.entries(methods).map(([method, answer]) => {
    const request = root.lookupType(`${packageName}.${method}Request`);
    const response = root.lookupType(`${packageName}.${method}Response`);
    const definition = {
      path: `/${name}/${method}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Message) => Buffer.from(request.encode(value).finish()),
      requestDeserialize: (bytes: Buffer) => request.toObject(request.decode(bytes)),
      responseSerialize: (value: Message) =>
        Buffer.from(response.encode(response.fromObject(value)).finish()),
      responseDeserialize: (bytes: Buffer) => response.toObject(response.decode(bytes)),
    };
    const handle = (call: ServerUnaryCall<Message, Message>, reply: sendUnaryData<Message>) => {
      let answered: Message;
      try {
        answered = answer(call.request);
      } catch (error) {
        reply({ code: status.UNAVAILABLE, details: error instanceof Error ? error.message : String(error) });
        return;
      }
      reply(null, answered);
    };
    return { method, definition, handle };
  });
  const server = new Server();
  server.addService(
    Object.fromEntries(served.map(({ method, definition }) => [method, definition])),
    Object.fromEntries(served.map(({ method, handle }) => [method, handle])),
  );
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(target, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  return server;
}
