import assert from "node:assert/strict";
import { test } from "node:test";
import { CostBudget } from "../../apimachinery/cel/environment.ts";
import { estimateCost } from "../../apimachinery/cel/estimate.ts";
import { compileRules, ruleVariables } from "./compiled-rules.ts";

// What v1.36.2 estimates of rules that hold, and what it spends on them.
for (const { schema, object, rules } of [
  {
    schema: {
      type: "object",
      properties: { set: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "atomic" } },
    },
    object: { set: [1, 2, 3, 4, 5] },
    rules: [
      ["3 in self.set", 1572865, 7],
      ["self.set.map(e, e * 20).filter(e, e > 50).exists_one(e, e == 60)", 50331642, 133],
      ["self.set.exists_one(e, e == 3)", 4718593, 16],
      ["size(self.set) == 5", 4, 4],
      ["!self.set.exists(e, e < 0)", 9437182, 34],
      ["self.set.all(e, e < 10)", 7864318, 28],
      ["!self.set.exists_one(e, e > 3)", 6291457, 19],
      ["size(self.set.filter(e, e%2 == 0)) == 2", 25165823, 46],
    ],
  },
  {
    schema: {
      type: "object",
      properties: {
        array: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "atomic" },
      },
    },
    object: { array: [1, 1, 2, 2, 3, 3, 4, 5] },
    rules: [
      ["self.array.transformList(i, e, e > 2, e * 2).size() > 0", 25165823, 77],
      ["self.array.existsOne(i, e, e > 4)", 6291456, 22],
      ["self.array.map(e, e * 20).filter(e, e > 50).exists(e, e == 60)", 53477367, 194],
    ],
  },
  {
    schema: {
      type: "object",
      properties: {
        a: {
          type: "object",
          properties: {
            b: { type: "integer" },
            c: { type: "integer" },
            d: { type: "integer", nullable: true },
          },
        },
        a1: {
          type: "object",
          properties: {
            b1: { type: "object", properties: { c1: { type: "integer" } } },
            d2: { type: "object", properties: { e2: { type: "integer" } } },
          },
        },
      },
    },
    object: { a: { b: 1, d: null }, a1: { b1: { c1: 4 } }, a3: {} },
    rules: [["has(self.a.b)", 2, 2]],
  },
  {
    schema: {
      type: "object",
      properties: {
        listMap: {
          type: "array",
          items: {
            type: "object",
            properties: { k: { type: "string" }, v: { type: "string" }, v2: { type: "string" } },
          },
          "x-kubernetes-list-map-keys": ["k"],
          "x-kubernetes-list-type": "map",
        },
      },
    },
    object: {
      listMap: [
        { k: "a1", v: "b1" },
        { k: "a2", v: "b2" },
        { k: "a3", v: "b3", v2: "z" },
      ],
    },
    rules: [
      ["self.listMap.all(m, m.k.startsWith('a'))", 6291453, 21],
      ["self.listMap.transformList(i, m, m.v).size() == 3", 14680065, 47],
      ["self.listMap.transformList(i, m, has(m.v2) && m.v2 == 'z', m.v2).size() == 1", 18874365, 25],
      ["!self.listMap.all(m, m.v2 != 'z')", 6291454, 22],
      ["self.listMap.map(m, has(m.v2) && m.v2 == 'z', m.v2).size() == 1", 18874365, 25],
      ["self.listMap.filter(m, has(m.v2) && m.v2 == 'z').size() == 1", 17825790, 24],
      ["self.listMap.exists(m, has(m.v2) && m.v2 == 'z')", 8388603, 21],
      ["self.listMap.map(m, m.v).exists(v, v == 'b1')", 19922939, 55],
      ["!self.listMap.exists_one(m, m.k.startsWith('a'))", 5242880, 20],
      ["self.listMap.exists(m, m.k == 'a1' && m.v == 'b1')", 10485753, 16],
      ["self.listMap.all(m, !has(m.v2) || m.v2 == 'z')", 8388603, 21],
      ["has(self.listMap[0].v)", 3, 3],
      ["self.listMap.existsOne(i, m, has(m.v2) && m.v2 == 'z')", 6291454, 12],
      ["!self.listMap.all(i, m, has(m.v2) && m.v2 != 'z')", 7340029, 10],
      ["self.listMap.exists_one(m, has(m.v2) && m.v2 == 'z')", 6291454, 12],
      ["self.listMap.exists(m, m.k.endsWith('1'))", 7340028, 13],
      ["!self.listMap.all(m, m.k.endsWith('1'))", 6291454, 18],
      ["self.listMap.filter(m, has(m.v2) && m.v2 == 'z').map(m, m.v2).size() == 1", 32505851, 39],
    ],
  },
  {
    schema: {
      type: "object",
      properties: {
        objs: {
          type: "array",
          items: { type: "object", properties: { f1: { type: "string" }, f2: { type: "string" } } },
          "x-kubernetes-list-type": "atomic",
        },
      },
    },
    object: {
      objs: [
        { f1: "a", f2: "b" },
        { f1: "a", f2: "b" },
      ],
    },
    rules: [["self.objs[0] == self.objs[1]", 6, 7]],
  },
  {
    schema: {
      type: "object",
      properties: {
        val1: { type: "object", additionalProperties: { type: "string" } },
        val2: { type: "object", additionalProperties: { type: "string" } },
      },
    },
    object: { val1: { k1: "a", k2: "b" }, val2: { k1: "a", k2: "b" } },
    rules: [["self.val1 == self.val2", 39326, 5]],
  },
  {
    schema: {
      type: "object",
      properties: {
        objs: {
          type: "array",
          items: {
            type: "array",
            items: { type: "object", properties: { k: { type: "string" }, v: { type: "string" } } },
            "x-kubernetes-list-map-keys": ["k"],
            "x-kubernetes-list-type": "map",
          },
          "x-kubernetes-list-type": "atomic",
        },
      },
    },
    object: {
      objs: [
        [
          { k: "a", v: "1" },
          { k: "b", v: "2" },
        ],
        [
          { k: "b", v: "2" },
          { k: "a", v: "1" },
        ],
        [
          { k: "b", v: "3" },
          { k: "a", v: "1" },
        ],
        [{ k: "c", v: "4" }],
      ],
    },
    rules: [
      ["size(self.objs[0] + [self.objs[3][0]]) == 3", 20, 20],
      ["self.objs[2] + [self.objs[0][0], self.objs[0][1]] == self.objs[0]", 104883, 26],
    ],
  },
  {
    schema: {
      type: "object",
      properties: { val: { type: "object", additionalProperties: { type: "integer" } } },
    },
    object: { val: { b: 1, d: 2 } },
    rules: [
      ["self.val.transformMap(k, v, v > 1, v + 1).size() == 1", 3145758, 14],
      ["size(self.val.filter(k, self.val[k] > 1)) == 1", 8089017, 26],
      ["!self.val.exists_one(k, self.val[k] > 0)", 3145728, 17],
      ["self.val.all(k, self.val[k] > 0)", 3595115, 17],
      ["self.val.transformMapEntry(k, v, v > 1, {k + '2': v + 1}).size() == 1", 17076817, 45],
      ["!self.val.exists(k, self.val[k] == 3)", 3595116, 20],
      ["self.val.existsOne(k, v, v == 2)", 1348171, 10],
      ["self.val.exists_one(k, self.val[k] == 2)", 2696338, 14],
      ["self.val.map(k, self.val[k]).exists(v, v == 1)", 9437183, 43],
      ["!self.val.exists(k, self.val[k] > 2)", 4044505, 20],
    ],
  },
  {
    schema: {
      type: "object",
      properties: {
        val1: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "atomic" },
        val2: { type: "array", items: { type: "integer" }, "x-kubernetes-list-type": "atomic" },
      },
    },
    object: { val1: [1, 2, 3], val2: [1, 2, 3] },
    rules: [
      ["self.val2[0] in self.val1", 1572868, 8],
      [
        "['are', 'you', 'as', 'bored', 'as', 'I', 'am'].reverse() == ['am', 'I', 'as', 'bored', 'as', 'you', 'are']",
        39,
        19,
      ],
      ["[-3, 1, -5, -2, 4].sortBy(e, -(e * e)) == [-5, 4, -3, -2, 1]", 185, 145],
      ["[{'name': 'a'}, {'name': 'b'}, {'name': 'a'}].distinct() == [{'name': 'a'}, {'name': 'b'}]", 200, 30],
      ["[-3, 1, -5, -2, 4].map(e, e * 2).sortBy(e, -(e * e)) == [-10, 8, -6, -4, 2]", 266, 216],
      ["lists.range(0) == []", 21, 11],
      ["[1,2,3,4].slice(4, 4) == []", 31, 11],
      ["[1].sort() == [1]", 34, 14],
      ["lists.range(3).sortBy(e, -e) == [2, 1, 0]", 119, 89],
      ["dyn([1,2,3,4]).flatten() == [1,2,3,4]", 37, 16],
      ["[[1],[2],[3,4]].flatten() == [1,2,3,4]", 65, 15],
    ],
  },
  {
    schema: {
      type: "object",
      properties: {
        val1: { type: "string", format: "date-time" },
        val2: { type: "string", format: "date-time" },
      },
    },
    object: { val1: "2011-08-18T19:03:37.010000000+01:00", val2: "2011-08-18T19:03:37.010000000+01:00" },
    rules: [
      ["self.val1.getDate('01:00') == 18", 4, 4],
      [
        "self.val1 == timestamp('2011-08-18T19:03:37.010+01:00') && timestamp('2011-08-18T19:03:37.010+01:00') == self.val1 && self.val1 == self.val2",
        16,
        11,
      ],
      ["type(self.val1) == google.protobuf.Timestamp", 4, 4],
      ["self.val1 == timestamp('2011-08-18T00:00:00.000+01:00') + duration('19h3m37s10ms')", 6, 4],
      ["self.val1.getMilliseconds('01:00') == 10", 4, 4],
      ["self.val1.getSeconds('01:00') == 37", 4, 4],
      ["self.val1.getMinutes('01:00') == 03", 4, 4],
      ["self.val1.getFullYear('01:00') == 2011", 4, 4],
      ["self.val1.getMonth('01:00') == 7", 4, 4],
    ],
  },
] as const)
  for (const [rule, atWorst, spent] of rules)
    test(`the rule ${rule} holds, is estimated as ${atWorst} and costs ${spent}`, () => {
      const { type, rules: compiled } = compileRules(
        { ...schema, "x-kubernetes-validations": [{ rule }] },
        false,
      );
      const [first] = compiled;
      assert.ok(first?.program !== undefined);
      assert.ok(Math.abs(estimateCost(first.program.syntax, type.size) - atWorst) <= atWorst * 1e-12);
      const budget = new CostBudget(1e9);
      assert.equal(first.program.evaluate(ruleVariables(type, first, object, undefined), budget), true);
      assert.equal(1e9 - budget.remaining, spent);
    });
