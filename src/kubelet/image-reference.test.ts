import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalImage } from "./image-reference.ts";

const digest = `sha256:${"a".repeat(64)}`;
for (const { input, want } of [
  { input: "nginx", want: "docker.io/library/nginx:latest" },
  { input: "nginx:1.25", want: "docker.io/library/nginx:1.25" },
  { input: "team/app", want: "docker.io/team/app:latest" },
  { input: "registry.k8s.io/pause:3.10", want: "registry.k8s.io/pause:3.10" },
  { input: "localhost/app", want: "localhost/app:latest" },
  { input: "localhost:5000/app:v1", want: "localhost:5000/app:v1" },
  { input: `app@${digest}`, want: `docker.io/library/app@${digest}` },
  { input: `app:v1@${digest}`, want: `docker.io/library/app:v1@${digest}` },
  { input: "Upper/app", want: "Upper/app:latest" },
  { input: "app/Upper", want: undefined },
  { input: "", want: undefined },
  { input: "app:", want: undefined },
  { input: "../app", want: undefined },
  { input: "app latest", want: undefined },
]) {
  test(`Image reference ${JSON.stringify(input)} is ${want ?? "invalid"}`, () =>
    assert.equal(canonicalImage(input), want));
}
