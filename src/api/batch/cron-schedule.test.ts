import assert from "node:assert/strict";
import { test } from "node:test";
import { type CronFields, CronSyntaxError, parseCronSchedule } from "./cron-schedule.ts";

function fieldsOf(text: string): CronFields {
  const schedule = parseCronSchedule(text);
  assert.ok(schedule.kind === "fields");
  return schedule.fields;
}

for (const { text, field, values } of [
  { text: "5 * * * *", field: "minute", values: [5] },
  { text: "*/20 * * * *", field: "minute", values: [0, 20, 40] },
  { text: "50/4 * * * *", field: "minute", values: [50, 54, 58] },
  { text: "1-9/3,30 * * * *", field: "minute", values: [1, 4, 7, 30] },
  { text: "0 22-23 * * *", field: "hour", values: [22, 23] },
  { text: "0 0 31 * *", field: "dayOfMonth", values: [31] },
  { text: "0 0 1 jan,DEC *", field: "month", values: [1, 12] },
  { text: "0 0 * * mon-fri", field: "dayOfWeek", values: [1, 2, 3, 4, 5] },
  { text: "@weekly", field: "dayOfWeek", values: [0] },
  { text: " 0  3 * * ? ", field: "hour", values: [3] },
] as const)
  test(`${JSON.stringify(text)} has the ${field} ${values.join(", ")}`, () => {
    assert.deepEqual([...fieldsOf(text)[field].values], values);
  });

test("a star leaves the day to the other field, unless it has a step", () => {
  const anyOf = (text: string) => [fieldsOf(text).dayOfMonth.isAny, fieldsOf(text).dayOfWeek.isAny];
  assert.deepEqual(anyOf("0 0 * * 1"), [true, false]);
  assert.deepEqual(anyOf("0 0 */2 * ?"), [false, true]);
  assert.deepEqual(anyOf("0 0 1,* * *"), [true, true]);
});

test("@every is a span of whole seconds", () => {
  assert.deepEqual(parseCronSchedule("@every 1h30m"), { kind: "every", periodMs: 5_400_000 });
  assert.deepEqual(parseCronSchedule("@every 1500ms"), { kind: "every", periodMs: 1000 });
  assert.deepEqual(parseCronSchedule("@every 1ms"), { kind: "every", periodMs: 1000 });
});

for (const { text, message } of [
  { text: "", message: "empty spec string" },
  { text: "* * * *", message: "expected exactly 5 fields, found 4: [* * * *]" },
  { text: "@often", message: "unrecognized descriptor: @often" },
  { text: "@every day", message: "failed to parse duration @every day" },
  { text: "60 * * * *", message: "end of range (60) above maximum (59): 60" },
  { text: "* * 0 * *", message: "beginning of range (0) below minimum (1): 0" },
  { text: "* * * * 7", message: "end of range (7) above maximum (6): 7" },
  { text: "5-3 * * * *", message: "beginning of range (5) beyond end of range (3): 5-3" },
  { text: "*/0 * * * *", message: "step of range should be a positive number: */0" },
  { text: "1/2/3 * * * *", message: "too many slashes: 1/2/3" },
  { text: "1-2-3 * * * *", message: "too many hyphens: 1-2-3" },
  {
    text: "* * * foo *",
    message: 'failed to parse int from foo: strconv.Atoi: parsing "foo": invalid syntax',
  },
])
  test(`${JSON.stringify(text)} is refused: ${message}`, () => {
    assert.throws(() => parseCronSchedule(text), new CronSyntaxError(message));
  });
