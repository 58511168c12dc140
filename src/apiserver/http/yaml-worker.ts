/** The thread of `yaml-parser.ts`: parses one text and ends. */
import { parentPort, workerData } from "node:worker_threads";
import { countKeysInValue } from "../../apimachinery/schema/json-text.ts";
import { parseYamlText } from "../../apimachinery/schema/yaml-text.ts";
import type { YamlAnswer } from "./yaml-parser.ts";

const answer = await parse(String(workerData));
parentPort?.postMessage(answer);

async function parse(text: string): Promise<YamlAnswer> {
  try {
    const parsed = await parseYamlText(text);
    // A value that contains itself, or nests too deep, is refused here: copying it would take the stack.
    countKeysInValue(parsed.value);
    return { parsed };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
