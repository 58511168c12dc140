import assert from "node:assert/strict";
import { test } from "node:test";
import { externalAddressOf, jwksUriOf } from "./addresses.ts";

const externalUrl = "https://127.0.0.1:6443";
const endpoint = { address: "10.95.0.1", port: 6443 };

for (const { name, options, address, keys = `https://${address}/openid/v1/jwks` } of [
  { name: "its URL where nothing is said", options: {}, address: "127.0.0.1:6443" },
  {
    name: "its URL, and for keys where pods reach it",
    options: { endpoint },
    address: "127.0.0.1:6443",
    keys: "https://10.95.0.1:6443/openid/v1/jwks",
  },
  {
    name: "--external-hostname with the port it listens on",
    options: { endpoint, operation: { externalHostname: "api.example" } },
    address: "api.example:6443",
  },
  {
    name: "--external-hostname as it is where it has a port",
    options: { operation: { externalHostname: "api.example:443" } },
    address: "api.example:443",
  },
  {
    name: "an IPv6 address in brackets",
    options: { operation: { externalHostname: "fd00::1" } },
    address: "[fd00::1]:6443",
  },
  {
    name: "an IPv6 address with a port",
    options: { operation: { externalHostname: "[fd00::1]:8443" } },
    address: "[fd00::1]:8443",
  },
  {
    name: "--service-account-jwks-uri for keys before all else",
    options: {
      auth: { jwksUri: "https://keys.example/set" },
      operation: { externalHostname: "api.example" },
    },
    address: "api.example:6443",
    keys: "https://keys.example/set",
  },
])
  test(`Others are told of ${name}`, () => {
    const all = { externalUrl, ...options };
    assert.deepEqual([externalAddressOf(all), jwksUriOf(all)], [address, keys]);
  });
