/**
 * A process that is there to be killed: writers that update and delete the keys of their own in whole transactions, as fast
 * as they can, and print `writer step revision` for each that is acknowledged. Arguments: directory, number of writers.
 */
import { systemClock } from "../../../base/system-clock.ts";
import { StoredValue, type Write } from "../../storage.ts";
import { openSqliteStorage } from "../sqlite-storage.ts";

const [directory = "", writers = "1"] = process.argv.slice(2);
const storage = await openSqliteStorage({ directory, clock: systemClock });

async function write(writer: number): Promise<never> {
  const standing = await storage.get(`/${writer}/first`);
  let step = standing === undefined ? 0 : (standing.value.object as { step: number }).step;
  for (;;) {
    step++;
    const value = StoredValue.ofObject({ step, filler: "x".repeat(step % 1000) });
    const writes: Write[] = [
      { type: "put", key: `/${writer}/first`, value },
      { type: "put", key: `/${writer}/second`, value },
      // The third key comes and goes: there at even steps.
      step % 2 === 0
        ? { type: "put", key: `/${writer}/third`, value }
        : { type: "delete", key: `/${writer}/third` },
    ];
    const { revision } = await storage.commit({ compare: [], writes });
    // At the pace at which it is read: a busy reader would leave no room.
    await new Promise<void>((resolve) =>
      process.stdout.write(`${writer} ${step} ${revision}\n`, () => resolve()),
    );
  }
}

await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => write(writer)));
