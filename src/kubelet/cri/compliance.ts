import { test } from "node:test";
import { containerChecks, stoppingChecks } from "./compliance/containers.ts";
import { type Check, type ComplianceSubject, Fixture } from "./compliance/fixture.ts";
import { imageChecks } from "./compliance/images.ts";
import { observationChecks } from "./compliance/observation.ts";
import { sandboxChecks } from "./compliance/sandboxes.ts";
import { streamChecks } from "./compliance/streams.ts";

/**
 * What every container runtime behind the interface has to do, as tests of `name`. `subject` is called once, in the first
 * of them; a string that it resolves to is the reason to skip them all.
 */
export function testRuntimeCompliance(
  name: string,
  subject: () => Promise<ComplianceSubject | string>,
): void {
  let made: Promise<ComplianceSubject | string> | undefined;
  let podCount = 0;
  const check: Check = (title, body) => {
    test(`${name}: ${title}`, async (context) => {
      made ??= subject();
      const given = await made;
      if (typeof given === "string") {
        context.skip(given);
        return;
      }
      const fixture = new Fixture(given, ++podCount);
      try {
        await body(fixture);
      } finally {
        await fixture.removeAll();
      }
    });
  };

  sandboxChecks(check);
  containerChecks(check);
  stoppingChecks(check);
  observationChecks(check);
  streamChecks(check);
  imageChecks(check);
}
