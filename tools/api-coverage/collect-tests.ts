/**
 * Counts the tests that files declare: `node collect-tests.ts FILE ...` prints an object of counts. The files see a
 * `node:test` that calls the bodies of suites, and no body of a test and no hook.
 */
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

declare global {
  var countTest: () => void;
}

const hooks = ["before", "after", "beforeEach", "afterEach"];
const counting = [
  "const call = (...words) => words.findLast((word) => typeof word === 'function')?.({ name: '' });",
  "const ways = (one) => Object.assign(one, { skip: one, todo: one, only: one });",
  "const nothing = () => {};",
  "const test = ways(() => globalThis.countTest());",
  "const suite = ways((...words) => call(...words));",
  "const mock = new Proxy({}, { get: () => nothing });",
  `const all = { test, it: test, suite, describe: suite, mock, ${hooks.map((hook) => `${hook}: nothing`)} };`,
  ...["test", "it", "suite", "describe", "mock", ...hooks].map((name) => named(name)),
  "export default Object.assign(test, all);",
].join("\n");

function named(name: string): string {
  return `const ${name}_ = all.${name}; export { ${name}_ as ${name} };`;
}

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "node:test"
      ? { url: "counting:node:test", shortCircuit: true, format: "module" }
      : next(specifier, context),
  load: (url, context, next) =>
    url === "counting:node:test"
      ? { format: "module", source: counting, shortCircuit: true }
      : next(url, context),
});

const counts: Record<string, number> = {};
for (const file of process.argv.slice(2)) {
  let count = 0;
  globalThis.countTest = () => {
    count++;
  };
  await import(pathToFileURL(resolve(file)).href);
  counts[file] = count;
}
process.stdout.write(`\n${JSON.stringify(counts)}\n`, () => process.exit(0));
