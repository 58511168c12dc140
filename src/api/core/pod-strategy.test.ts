import assert from "node:assert/strict";
import { test } from "node:test";
import { podStrategy } from "./pod-strategy.ts";
import type { Pod } from "./types.generated.ts";

const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "u" };
const pod = (metadata: Partial<Pod["metadata"]>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", ...metadata },
  spec: { containers: [{ name: "c", image: "i" }] },
});

for (const { name, before, written } of [
  { name: "add an owner", before: {}, written: { ownerReferences: [owner] } },
  { name: "take one away", before: { ownerReferences: [owner] }, written: {} },
]) {
  test(`A status write cannot ${name}`, () => {
    const { metadata } = podStrategy.prepareForStatusUpdate?.(pod(written), pod(before)) ?? pod({});
    assert.deepEqual(metadata, { name: "p", ...before });
  });
}

const key = "container.apparmor.security.beta.kubernetes.io/c";
const unconfined = { type: "Unconfined" };
const deprecated = `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`;

for (const { name, annotation, ofContainer, ofPod, os, want, warnings } of [
  { name: "a word becomes the field", annotation: "unconfined", want: unconfined, warnings: [deprecated] },
  {
    name: "a profile of the host becomes the field",
    annotation: "localhost/mine",
    want: { type: "Localhost", localhostProfile: "mine" },
    warnings: [deprecated],
  },
  {
    name: "what the field cannot say stays an annotation",
    annotation: "localhost/ padded ",
    want: undefined,
    warnings: [deprecated],
  },
  {
    name: "what the pod says already is not said again",
    annotation: "unconfined",
    ofPod: unconfined,
    want: undefined,
    warnings: [],
  },
  {
    name: "the container's own word stays",
    annotation: "runtime/default",
    ofContainer: unconfined,
    want: unconfined,
    warnings: [],
  },
  {
    name: "Windows knows no profiles",
    annotation: "unconfined",
    os: "windows",
    want: undefined,
    warnings: [],
  },
]) {
  test(`AppArmor in annotations of a new pod: ${name}`, () => {
    const given: Pod = {
      ...pod({ annotations: { [key]: annotation } }),
      spec: {
        ...(os === undefined ? {} : { os: { name: os } }),
        ...(ofPod === undefined ? {} : { securityContext: { appArmorProfile: ofPod } }),
        containers: [
          {
            name: "c",
            image: "i",
            ...(ofContainer === undefined ? {} : { securityContext: { appArmorProfile: ofContainer } }),
          },
        ],
      },
    };
    const { spec } = podStrategy.prepareForCreate?.(given) ?? given;
    assert.deepEqual(spec.containers[0]?.securityContext?.appArmorProfile, want);
    assert.deepEqual(podStrategy.inputWarnings?.(given), warnings);
  });
}
