import type { HostFiles } from "./host/host.ts";
import { type RuntimePodStatus, runtimeAnnotations } from "./runtime-pod.ts";

/** Upstream's limits: a message, and what is taken of a log in its place. */
const maxMessageBytes = 4096;
const maxLogBytes = 2048;

export interface TerminationMessages {
  /** Reads what exited containers left, each once. */
  read(status: RuntimePodStatus): Promise<void>;
  get(containerId: string): string | undefined;
  forget(podUid: string): void;
}

/** The last words of containers: the termination message file, or the end of the log where the container asks for it. */
export function createTerminationMessages(files: HostFiles): TerminationMessages {
  const messages = new Map<string, { podUid: string; text: string }>();
  return {
    async read(status) {
      for (const container of status.containers) {
        if (container.state !== "exited" || messages.has(container.id)) continue;
        const path = container.annotations[runtimeAnnotations.terminationMessagePath];
        const mount = container.mounts.find(({ containerPath }) => containerPath === path);
        let text = mount === undefined ? undefined : await files.readTail(mount.hostPath, maxMessageBytes);
        const fallsBack =
          container.annotations[runtimeAnnotations.terminationMessagePolicy] === "FallbackToLogsOnError";
        if ((text === undefined || text === "") && fallsBack && container.exitCode !== 0) {
          const log = await files.readTail(container.logPath, maxLogBytes * 2);
          text = log === undefined || log === "" ? "" : writtenText(log).slice(-maxLogBytes);
        }
        messages.set(container.id, { podUid: status.uid, text: text ?? "" });
      }
    },
    get(containerId) {
      const text = messages.get(containerId)?.text;
      return text === "" ? undefined : text;
    },
    forget(podUid) {
      for (const [id, message] of messages) if (message.podUid === podUid) messages.delete(id);
    },
  };
}

/**
 * What was written, without the frame of CRI's log lines ("<time> <stream> <tag> <text>"): a line whose tag is P was not ended by
 * its writer. The first line may be cut.
 */
function writtenText(log: string): string {
  const lines = log.endsWith("\n") ? log.slice(0, -1).split("\n") : log.split("\n");
  return lines
    .map((line) => {
      const [, tag, text] = /^\S+ (?:stdout|stderr) ([FP])(?::\S*)? (.*)$/s.exec(line) ?? [];
      return tag === "P" ? text : `${text ?? line}\n`;
    })
    .join("");
}
