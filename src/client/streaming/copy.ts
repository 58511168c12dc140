import type { ByteSink, ByteSource } from "./byte-stream.ts";

/** Copies to the end, then closes the sink. Rejects when either side is lost. */
export async function copy(source: ByteSource, sink: ByteSink): Promise<void> {
  for await (const chunk of source) await sink.write(chunk);
  await sink.close();
}

/** The whole of a short text; past `limitBytes` the rest is read and dropped. */
export async function readText(source: ByteSource, limitBytes = 64 * 1024): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of source)
    if (text.length < limitBytes) text += decoder.decode(chunk, { stream: true });
  return text;
}
