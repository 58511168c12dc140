import assert from "node:assert/strict";
import { test } from "node:test";
import { CelCompileError, CelRuntimeError, CostBudget, createCelEnvironment } from "./environment.ts";
import { dynType, rootTypeOfSchema, typeOfSchema } from "./types.ts";

const self = rootTypeOfSchema({
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        replicas: { type: "integer" },
        ratio: { type: "number" },
        name: { type: "string" },
        namespace: { type: "string" },
        "a-b.c": { type: "string" },
        port: { "x-kubernetes-int-or-string": true },
        labels: { type: "object", additionalProperties: { type: "string" } },
        items: {
          type: "array",
          items: { type: "object", properties: { key: { type: "string" }, n: { type: "integer" } } },
        },
        since: { type: "string", format: "date-time" },
        ttl: { type: "string", format: "duration" },
      },
    },
  },
});

const object = {
  apiVersion: "example.com/v1",
  kind: "Thing",
  metadata: { name: "a" },
  spec: {
    replicas: 3,
    ratio: 5,
    name: "web",
    namespace: "x",
    "a-b.c": "odd",
    port: "http",
    labels: { app: "web" },
    items: [
      { key: "a", n: 1 },
      { key: "b", n: 2 },
    ],
    since: "2024-01-01T00:00:00Z",
    ttl: "1h30m",
  },
};

const environment = createCelEnvironment({ self, any: dynType });
const variables = { self: self.fromJson(object), any: dynType.fromJson(object) };

for (const expression of [
  "self.spec.replicas == 3 && self.metadata.name == 'a'",
  "self.spec.ratio > 4.5",
  "self.spec.__namespace__ == 'x' && self.spec.a__dash__b__dot__c == 'odd'",
  "self.spec.port == 'http' && self.spec.port != 80",
  "self.spec.labels['app'] == 'web' && !('x' in self.spec.labels)",
  "self.spec.labels.all(k, k.size() == 3)",
  "self.spec.labels.all(k, v, k == 'app' && v == 'web')",
  "self.spec.items.exists(i, item, i == 1 && item.n == 2)",
  "self.spec.items.map(i, i.n).sum() == 3 && self.spec.items.map(i, i.n).isSorted()",
  "self.spec.items[0] == self.spec.items[0] && self.spec.items[0] != self.spec.items[1]",
  "self.spec == self.spec",
  "self.spec.items.transformList(i, x, x.key + string(i)) == ['a0', 'b1']",
  "self.spec.since < timestamp('2025-01-01T00:00:00Z') && self.spec.since.getFullYear() == 2024",
  "self.spec.ttl == duration('90m')",
  "has(self.spec.replicas) && !has(any.spec.missing)",
  "any.spec.?missing.orValue('none') == 'none' && any.spec.?name.orValue('none') == 'web'",
  "any.spec.replicas + 1 == 4 && any.spec.items.size() == 2",
  "any.spec.items.exists_one(i, i.key == 'b') && any.missing == 1 || true",
  "'abc'.matches('^[a-c]+$') && 'AB'.matches('(?i)ab') && !'x'.matches('\\\\d')",
  "'a1b22'.find('[0-9]+') == '1' && 'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1b22'.findAll('[0-9]+', 1) == ['1']",
  "'%s has %d, %.2f'.format(['x', 3, 1.5]) == 'x has 3, 1.50'",
  "'a-b'.replace('-', '+') == 'a+b' && 'abc'.charAt(1) == 'b' && 'a,b'.split(',') == ['a', 'b'] && ['a', 'b'].join('-') == 'a-b'",
  "quantity('1Gi').isGreaterThan(quantity('1000M')) && quantity('1500m').add(quantity('500m')).asInteger() == 2 && isQuantity('1k') && !isQuantity('x')",
  "ip('10.0.0.1').family() == 4 && isIP('::1') && !isIP('1.2.3') && ip('127.0.0.1').isLoopback() && ip.isCanonical('::1')",
  "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && !isCIDR('10.0.0.0/33')",
  "url('https://example.com:80/path?a=1').getHost() == 'example.com:80' && isURL('/x') && !isURL('x') && url('https://a.b/?q=1').getQuery()['q'] == ['1']",
  "sets.contains([1, 2], [1]) && sets.equivalent([1, 2], [2, 1]) && !sets.intersects([1], [2])",
  "[1, 3, 2].max() == 3 && [2, 1].min() == 1 && [1, 2].indexOf(2) == 1 && ['a'].lastIndexOf('b') == -1",
  "!format.dns1123Label().validate('abc').hasValue() && format.dns1123Label().validate('A b').hasValue() && format.named('uuid').hasValue()",
  "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && isSemver('v1.2', true)",
  "[1, 2].exists_one(i, v, v == 2) && [1, 2].existsOne(i, v, i == 0) && [1, 2].all(i, v, i < v)",
  "[1, 2].transformList(i, v, v > 1, v * 10) == [20] && {'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
  "['a', 'b'].transformMap(i, v, i > 0, v) == {1: 'b'} && ['a'].transformMapEntry(i, v, {v: i}) == {'a': 0}",
  `'%s'.format([[1, 'a', 2.5, true, null]]) == '[1, "a", 2.500000, true, null]'`,
  `'%s %s'.format([{'a': 1, 'b': [1]}, type(1)]) == '{"a":1, "b":[1]} int'`,
  "'%e %.2e %e'.format([1.5, 123456.789, 1e100]) == '1.500000×10⁰⁰ 1.234568×10⁰⁵ 1.000000×10¹⁰⁰'",
  "'%.1f %.1f %.0f'.format([2.25, 2.35, 0.5]) == '2.2 2.4 0'",
  "lists.range(3) == [0, 1, 2] && [1, 2, 3].sortBy(x, -x) == [3, 2, 1] && [[1], [2]].flatten() == [1, 2]",
  "[3, 1].sort() == [1, 3] && [1, 1].distinct() == [1] && [1, 2].reverse() == [2, 1] && [1, 2, 3].slice(1, 2) == [2]",
  "strings.quote('a\\n') == '\"a\\\\n\"' && 'aBc'.lowerAscii() == 'abc' && ' a '.trim() == 'a' && 'abc'.substring(1, 2) == 'b'",
  "cidr('10.0.0.0/8').prefixLength() == 8 && cidr('10.0.0.0/8').ip() == ip('10.0.0.0') && string(ip('::1')) == '::1'",
  "ip('0.0.0.0').isUnspecified() && ip('224.0.0.1').isLinkLocalMulticast() && ip('169.254.0.1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast()",
  "quantity('2').sign() == 1 && quantity('2').isInteger() && quantity('1.5').asApproximateFloat() == 1.5 && quantity('3').sub(1).compareTo(quantity('2')) == 0 && quantity('1').isLessThan(quantity('2'))",
  "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3 && semver('v1.2', true).compareTo(semver('1.2.0')) == 0 && semver('2.0.0').isGreaterThan(semver('1.0.0'))",
  "url('https://u@h:1/p?q=a').getScheme() == 'https' && url('https://h:1/p').getPort() == '1' && url('https://h:1/p').getHostname() == 'h' && url('https://h/p').getEscapedPath() == '/p'",
  "optional.none().or(optional.of(1)).value() == 1 && optional.ofNonZeroValue(0).orValue(2) == 2 && {'a': 1}[?'a'].hasValue() && [1][?3].orValue(4) == 4 && optional.of(1).optFlatMap(x, optional.of(x + 1)).value() == 2",
  "optional.of(1).optMap(x, x + 1).value() == 2",
  "type(self.spec.replicas) == int && dyn(1) == 1.0 && 7 / 2 == 3 && -7 % 3 == -1",
]) {
  test(`true is ${expression}`, () => {
    assert.equal(environment.compile(expression, { wanted: ["bool"] }).evaluate(variables), true);
  });
}

for (const { expression, want } of [
  {
    expression: "self.spec.other == 1",
    want: "ERROR: <input>:1:10: undefined field 'other'\n | self.spec.other == 1\n | .........^",
  },
  { expression: "nobody == 1", want: /undeclared reference to 'nobody' \(in container ''\)/ },
  {
    expression: "self.spec.replicas == 'a'",
    want: /found no matching overload for '_==_' applied to '\(int, string\)'/,
  },
  { expression: "self.spec.replicas.shout()", want: /undeclared reference to 'shout'/ },
  {
    expression: "self.spec.",
    want: "ERROR: <input>:1:11: Syntax error: no viable alternative at input '.'\n | self.spec.\n | ..........^",
  },
  {
    expression: "(self.spec.replicas",
    want: "ERROR: <input>:1:20: Syntax error: missing ')' at '<EOF>'\n | (self.spec.replicas\n | ...................^",
  },
  {
    expression: "1 +",
    want: /^ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting \{'\[', /,
  },
  { expression: "1 1", want: /^ERROR: <input>:1:3: Syntax error: extraneous input '1' expecting <EOF>/ },
  { expression: "1 == 2 3 4", want: /mismatched input '3' expecting <EOF>/ },
  { expression: "true = 1", want: /^ERROR: <input>:1:6: Syntax error: token recognition error at: '= '/ },
  { expression: "for", want: /^ERROR: <input>:1:1: reserved identifier: for/ },
  { expression: "has(self)", want: /^ERROR: <input>:1:5: invalid argument to has\(\) macro/ },
  { expression: "[1].all(1, true)", want: /^ERROR: <input>:1:9: argument must be a simple name/ },
  { expression: "[1].exists(x, 1)", want: /^ERROR: <input>:1:15: expected type 'bool' but found 'int'/ },
  { expression: "!self.spec.replicas", want: /'!_' applied to '\(int\)'/ },
  {
    expression: "self.spec.replicas && true",
    want: /^ERROR: <input>:1:10: expected type 'bool' but found 'int'/,
  },
  {
    expression: "true ? 1 : 'a'",
    want: /^ERROR: <input>:1:6: .*'_\?_:_' applied to '\(bool, int, string\)'/,
  },
  {
    expression: "cel.bind(x, 1, x * 2) == 2",
    want: /undeclared reference to 'cel'[\s\S]*undeclared reference to 'bind'[\s\S]*undeclared reference to 'x'/,
  },
  {
    expression: "[1, 'a'].size() == 2 && {'a': 1, 'b': true}.size() == 2",
    want: /:5: expected type 'int' but found 'string'[\s\S]*:39: expected type 'int' but found 'bool'/,
  },
  {
    expression: "'a'.find(')') == ''",
    want: /^instantiation failed: error parsing regexp: unexpected \): `\)`$/,
  },
  { expression: "[[1], [2]].min() == [1]", want: /'min' applied to 'list\(list\(int\)\)\.\(\)'/ },
  { expression: "has(self.spec.other)", want: /:4: undefined field 'other'/ },
  {
    expression: "self.spec.items['a']",
    want: /'_\[_\]' applied to '\(list\(selfType\.spec\.items\.@idx\), string\)'/,
  },
  {
    expression: "self.spec.name.first",
    want: /^ERROR: <input>:1:15: type 'string' does not support field selection/,
  },
  { expression: "self.spec.name.matches('(')", want: /^ERROR: <input>:1:24: invalid matches argument/ },
  { expression: "duration('soon') == null", want: /^ERROR: <input>:1:10: invalid duration argument/ },
  { expression: "size(1) == 1", want: /^ERROR: <input>:1:5: .*'size' applied to '\(int\)'/ },
  { expression: "self.spec.replicas", want: "must evaluate to bool" },
]) {
  test(`refused is ${expression}`, () => {
    assert.throws(
      () => environment.compile(expression, { wanted: ["bool"] }),
      (error) =>
        error instanceof CelCompileError &&
        (typeof want === "string" ? error.message === want : want.test(error.message)),
    );
  });
}

test("what is not there fails when it is looked at", () => {
  const program = environment.compile("any.spec.missing == 1");
  assert.throws(() => program.evaluate(variables), new CelRuntimeError("no such key: missing"));
});

test("an evaluation that costs too much is cut off", () => {
  const many = typeOfSchema({ type: "array", items: { type: "integer" } });
  const program = createCelEnvironment({ many }).compile(
    "many.all(a, many.all(b, many.all(c, a + b + c >= 0)))",
  );
  const values = { many: Array.from({ length: 200 }, (_, index) => BigInt(index)) };
  assert.throws(() => program.evaluate(values), /cost limit exceeded/);
  const budget = new CostBudget(10_000);
  assert.equal(program.evaluate({ many: [1n] }, budget), true);
  assert.ok(budget.remaining < 10_000 && budget.remaining > 9_000);
});

test("names are bound where that is allowed: in selectors of devices", () => {
  const environment = createCelEnvironment({ device: dynType }, { binds: true });
  const program = environment.compile("cel.bind(x, device.count, x * 2) == 6");
  assert.equal(program.evaluate({ device: new Map([["count", 3n]]) }), true);
});

test("the paths of JSON patches are written in mutations alone", () => {
  const inMutations = createCelEnvironment({ any: dynType }, { patches: true });
  assert.equal(inMutations.compile("jsonpatch.escapeKey('a/b~c')").evaluate({}), "a~1b~0c");
  assert.throws(() => environment.compile("jsonpatch.escapeKey('a')"), CelCompileError);
});
