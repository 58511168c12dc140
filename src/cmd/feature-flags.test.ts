import assert from "node:assert/strict";
import { test } from "node:test";
import { builtInDefinitions } from "../api/registry.ts";
import { checkFeatureGates, readRuntimeConfig } from "./feature-flags.ts";

for (const text of [
  "WatchList=true",
  "CBORServingAndStorage=false,ImageVolume=true",
  "AllAlpha=false",
  "KMSv1=f",
]) {
  test(`--feature-gates=${text} says what is so anyway`, () => checkFeatureGates(text));
}

for (const { text, why } of [
  { text: "Nonsense=true", why: "unrecognized feature gate: Nonsense" },
  { text: "WatchList", why: "missing bool value for WatchList" },
  {
    text: "WatchList=maybe",
    why: 'invalid value of WatchList=maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax',
  },
  {
    text: "ImageVolume=false",
    why: "cannot set feature gate ImageVolume to false, feature is locked to true",
  },
  {
    text: "CBORServingAndStorage=true",
    why: "cannot set feature gate CBORServingAndStorage to true, k8ts has features as they are by default",
  },
  {
    text: "AllAlpha=true",
    why: "cannot set feature gate AllAlpha to true, k8ts has features as they are by default",
  },
]) {
  test(`--feature-gates=${text} is refused: ${why}`, () =>
    assert.throws(() => checkFeatureGates(text), {
      message: `invalid argument ${JSON.stringify(text)} for "--feature-gates" flag: ${why}`,
    }));
}

for (const { text, want } of [
  { text: "api/beta=false,api/alpha=false", want: [] },
  { text: "api/ga=true", want: [] },
  { text: "apps/v1=true,v1=true", want: [] },
  { text: "resource.k8s.io/v1beta1=false", want: [] },
  { text: "autoscaling/v1=false", want: ["autoscaling/v1"] },
  { text: "events.k8s.io/v1=false", want: ["events.k8s.io/v1"] },
]) {
  test(`--runtime-config=${text} switches off ${want.join() || "nothing"}`, () =>
    assert.deepEqual([...readRuntimeConfig(text, builtInDefinitions)], want));
}

for (const { text, why } of [
  {
    text: "resource.k8s.io/v1beta1=true",
    why: "--runtime-config: k8ts does not serve resource.k8s.io/v1beta1",
  },
  { text: "nonsense.example/v1=true", why: "unknown api groups nonsense.example/v1" },
  { text: "apps/v7=true", why: "group version apps/v7 that has not been registered" },
  {
    text: "apps/v1=false",
    why: "--runtime-config: apps/v1 cannot be switched off: components of k8ts live on it",
  },
  { text: "api/all=false", why: "invalid runtime-config with only api/all=false" },
  {
    text: "api/alpha=true",
    why: "--runtime-config: api/alpha=true cannot be had: k8ts serves all stable versions, and no other",
  },
  { text: "apps", why: "runtime-config invalid key apps" },
]) {
  test(`--runtime-config=${text} is refused: ${why}`, () =>
    assert.throws(() => readRuntimeConfig(text, builtInDefinitions), { message: why }));
}
