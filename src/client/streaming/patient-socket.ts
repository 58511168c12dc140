import { Socket, type TcpNetConnectOpts } from "node:net";

/**
 * A TCP connection whose peer may go while this side is still writing. A runtime closes as soon as a process has ended,
 * whatever of its input is unread; TCP then resets the connection, and Node would drop the last output and the exit code with
 * it, though they have come. Here a write that fails is forgotten: the end is what reading says it is.
 */
export class PatientSocket extends Socket {
  static open(options: TcpNetConnectOpts): PatientSocket {
    const socket = new PatientSocket();
    socket.setNoDelay(true);
    socket.connect(options);
    return socket;
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    super._write(chunk, encoding, () => callback());
  }

  override _writev(
    chunks: { chunk: unknown; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    super._writev?.(chunks, () => callback());
  }
}
