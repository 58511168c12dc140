import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { admitted, attributesFor, object, podOf } from "../test-support.ts";
import { imagePolicyWebhook, readImagePolicy } from "./image-policy.ts";

type Status = { allowed: boolean; reason?: string; auditAnnotations?: Record<string, string> };

function policed(answer: Status | Error, settings: object = {}) {
  const clock = new VirtualClock();
  const reviews: object[] = [];
  const annotations: Record<string, string> = {};
  const policy = readImagePolicy({ imagePolicy: { kubeConfigFile: "/k", ...settings } });
  const plugin = imagePolicyWebhook({ clock }, policy, {
    async call(review) {
      reviews.push((review as { spec: object }).spec);
      if (answer instanceof Error) throw answer;
      return { kind: "ImageReview", status: answer };
    },
  });
  const annotate = (key: string, value: string) => {
    annotations[key] = value;
  };
  const ask = (pod: object, fields: object = {}) =>
    admitted(plugin, attributesFor("pods", pod, { annotate, ...fields }));
  return { clock, reviews, annotations, ask };
}

const pod = podOf(
  { initContainers: [{ name: "i", image: "first" }], ephemeralContainers: [{ name: "e", image: "late" }] },
  { annotations: { "break-glass.image-policy.k8s.io/ticket": "1", other: "2" } },
);

test("ImagePolicyWebhook asks about the images, and keeps a yes for five minutes", async () => {
  const { ask, reviews, clock } = policed({ allowed: true });
  assert.equal(await ask(pod), pod);
  assert.equal(await ask(pod), pod);
  const annotations = { "break-glass.image-policy.k8s.io/ticket": "1" };
  const namespace = "ns";
  assert.deepEqual(reviews, [{ containers: [{ image: "i" }, { image: "first" }], annotations, namespace }]);
  await ask(pod, { subresource: "ephemeralcontainers", operation: "UPDATE" });
  assert.deepEqual(reviews[1], { containers: [{ image: "late" }], annotations, namespace });
  await clock.advance(300_000);
  await ask(pod);
  assert.equal(reviews.length, 3);
});

test("ImagePolicyWebhook leaves other requests alone", async () => {
  const { ask, reviews } = policed({ allowed: false });
  await ask(pod, { subresource: "status", operation: "UPDATE" });
  await ask(object("ConfigMap", "c"), { resource: { group: "", version: "v1", resource: "configmaps" } });
  assert.equal(reviews.length, 0);
});

for (const { name, answer, settings = {}, want, annotations = {} } of [
  {
    name: "refuses with a reason",
    answer: { allowed: false, reason: "not ours", auditAnnotations: { why: "x" } },
    want: 'pods "p" is forbidden: image policy webhook backend denied one or more images: not ours',
    annotations: { "imagepolicywebhook.image-policy.k8s.io/why": "x" },
  },
  {
    name: "refuses without one",
    answer: { allowed: false },
    want: 'pods "p" is forbidden: one or more images rejected by webhook backend',
  },
  {
    name: "refuses where it cannot ask",
    answer: new Error('Post "https://images": connection refused'),
    want: 'pods "p" is forbidden: Post "https://images": connection refused',
  },
  {
    name: "lets pass where it cannot ask, if that is wanted",
    answer: new Error("no"),
    settings: { defaultAllow: true },
    want: pod,
    annotations: { "imagepolicywebhook.image-policy.k8s.io/failed-open": "true" },
  },
])
  test(`ImagePolicyWebhook ${name}`, async () => {
    const { ask, annotations: told } = policed(answer, settings);
    assert.equal(await ask(pod), want);
    assert.deepEqual(told, annotations);
  });

test("ImagePolicyWebhook keeps nothing for -1", async () => {
  const { ask, reviews } = policed({ allowed: true }, { allowTTL: -1 });
  await ask(pod);
  await ask(pod);
  assert.equal(reviews.length, 2);
});
