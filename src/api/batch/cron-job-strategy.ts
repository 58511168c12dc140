import type { Strategy } from "../definition.ts";
import type { CronJob } from "./types.generated.ts";

export const cronJobStrategy: Strategy<CronJob> = {};
