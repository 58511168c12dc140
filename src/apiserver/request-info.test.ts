import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpMethod } from "../client/exchange.ts";
import { parseRequestInfo } from "./request-info.ts";

interface Case {
  readonly method?: HttpMethod;
  readonly target: string;
  readonly verb: string;
  readonly group?: string;
  readonly version?: string;
  readonly namespace?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly name?: string;
}

const resourceRequests: readonly Case[] = [
  { target: "/api/v1/namespaces", verb: "list", version: "v1", resource: "namespaces" },
  {
    target: "/api/v1/namespaces/other",
    verb: "get",
    version: "v1",
    namespace: "other",
    resource: "namespaces",
    name: "other",
  },
  {
    target: "/api/v1/namespaces/other/pods",
    verb: "list",
    version: "v1",
    namespace: "other",
    resource: "pods",
  },
  {
    target: "/api/v1/namespaces/other/pods/foo",
    verb: "get",
    version: "v1",
    namespace: "other",
    resource: "pods",
    name: "foo",
  },
  {
    method: "HEAD",
    target: "/api/v1/namespaces/other/pods/foo",
    verb: "get",
    version: "v1",
    namespace: "other",
    resource: "pods",
    name: "foo",
  },
  { target: "/api/v1/pods", verb: "list", version: "v1", resource: "pods" },
  {
    method: "POST",
    target: "/api/v1/namespaces/other/pods",
    verb: "create",
    version: "v1",
    namespace: "other",
    resource: "pods",
  },
  {
    method: "PUT",
    target: "/api/v1/namespaces/other/pods/foo",
    verb: "update",
    version: "v1",
    namespace: "other",
    resource: "pods",
    name: "foo",
  },
  {
    method: "PATCH",
    target: "/api/v1/namespaces/other/pods/foo",
    verb: "patch",
    version: "v1",
    namespace: "other",
    resource: "pods",
    name: "foo",
  },
  {
    method: "DELETE",
    target: "/api/v1/namespaces/other/pods/foo",
    verb: "delete",
    version: "v1",
    namespace: "other",
    resource: "pods",
    name: "foo",
  },
  {
    method: "DELETE",
    target: "/api/v1/namespaces/other/pods",
    verb: "deletecollection",
    version: "v1",
    namespace: "other",
    resource: "pods",
  },
  { target: "/api/v1/watch/pods", verb: "watch", version: "v1", resource: "pods" },
  {
    target: "/api/v1/watch/namespaces/other/pods",
    verb: "watch",
    version: "v1",
    namespace: "other",
    resource: "pods",
  },
  { target: "/api/v1/pods?watch=true", verb: "watch", version: "v1", resource: "pods" },
  { target: "/api/v1/pods?watch=false", verb: "list", version: "v1", resource: "pods" },
  { target: "/api/v1/pods?watch", verb: "watch", version: "v1", resource: "pods" },
  {
    target: "/api/v1/namespaces/other/pods?fieldSelector=metadata.name%3Dfoo",
    verb: "list",
    version: "v1",
    namespace: "other",
    resource: "pods",
    name: "foo",
  },
  {
    target: "/api/v1/namespaces/other/pods?fieldSelector=metadata.name%21%3Dfoo",
    verb: "list",
    version: "v1",
    namespace: "other",
    resource: "pods",
  },
  {
    target: "/api/v1/namespaces/other/pods/foo/status",
    verb: "get",
    version: "v1",
    namespace: "other",
    resource: "pods",
    subresource: "status",
    name: "foo",
  },
  {
    method: "PUT",
    target: "/api/v1/namespaces/other/finalize",
    verb: "update",
    version: "v1",
    namespace: "other",
    resource: "namespaces",
    subresource: "finalize",
    name: "other",
  },
  {
    target: "/api/v1/namespaces/other/pods/foo/proxy/a/b",
    verb: "get",
    version: "v1",
    namespace: "other",
    resource: "pods",
    subresource: "proxy",
    name: "foo",
  },
  {
    target: "/api/v1/proxy/namespaces/other/pods/foo/a",
    verb: "proxy",
    version: "v1",
    namespace: "other",
    resource: "pods",
    name: "foo",
  },
  {
    target: "/apis/apps/v1/namespaces/other/deployments/foo/scale",
    verb: "get",
    group: "apps",
    version: "v1",
    namespace: "other",
    resource: "deployments",
    subresource: "scale",
    name: "foo",
  },
  {
    target: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    verb: "list",
    group: "rbac.authorization.k8s.io",
    version: "v1",
    resource: "clusterroles",
  },
];

for (const { method = "GET", target, verb, ...place } of resourceRequests) {
  test(`${method} ${target} is ${verb} of a resource`, () => {
    const url = new URL(target, "https://x");
    const info = parseRequestInfo(method, url.pathname, url.searchParams);
    const { isResourceRequest, apiGroup, apiVersion, namespace, resource, subresource, name } = info;
    assert.deepEqual(
      {
        isResourceRequest,
        verb: info.verb,
        group: apiGroup,
        version: apiVersion,
        namespace,
        resource,
        subresource,
        name,
      },
      {
        isResourceRequest: true,
        verb,
        group: "",
        namespace: "",
        resource: "",
        subresource: "",
        name: "",
        ...place,
      },
    );
  });
}

for (const path of [
  "/",
  "/api",
  "/api/v1",
  "/apis",
  "/apis/apps",
  "/apis/apps/v1",
  "/healthz",
  "/openapi/v3/apis/apps/v1",
  "//",
]) {
  test(`${path} is no resource`, () => {
    const info = parseRequestInfo("GET", path, new URLSearchParams());
    assert.equal(info.isResourceRequest, false);
    assert.equal(info.verb, "get");
    assert.equal(info.path, path);
  });
}
