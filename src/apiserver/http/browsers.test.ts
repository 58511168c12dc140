import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { after, test } from "node:test";
import { unauthorized } from "../../apimachinery/api-error.ts";
import type { BrowserPolicy } from "../browser-policy.ts";
import { startTestListener, type TestListener } from "../test-support/listener.ts";
import { openStages } from "../test-support/server.ts";

/** Nobody is let in who does not say who they are. */
const stages = {
  ...openStages,
  authenticator: {
    authenticate({ headers }: { readonly headers: Readonly<Record<string, string | undefined>> }) {
      if (headers["x-user"] === undefined) throw unauthorized();
      return { name: headers["x-user"], groups: [] };
    },
  },
  authorizer: {
    authorize: ({ user }: { readonly user: { readonly name: string } }) => ({
      allowed: user.name !== "mallory",
      reason: "",
    }),
  },
};

const start = (browsers: BrowserPolicy) => startTestListener({ stages, edge: { browsers } });
const servers = {
  both: await start({
    allowedOrigins: [/\/\/a\.example(:|$)/, /^http:\/\/b$/],
    transportSecurity: ["max-age=100", "includeSubDomains"],
  }),
  origins: await start({ allowedOrigins: [/\/\/a\.example$/], transportSecurity: [] }),
  https: await start({ allowedOrigins: [], transportSecurity: ["preload"] }),
};
after(() => Promise.all(Object.values(servers).map((server) => server.close())));

const path = "/api/v1/namespaces/default";
const allowed = (origin: string) => ({
  "access-control-allow-credentials": "true",
  "access-control-allow-headers":
    "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since",
  "access-control-allow-methods": "POST, GET, OPTIONS, PUT, DELETE, PATCH",
  "access-control-allow-origin": origin,
  "access-control-expose-headers": "Date",
});
const insists = { "strict-transport-security": "max-age=100; includeSubDomains" };

/** Of the answer's headers those that browsers go by. */
function forBrowsersOnly(headers: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => /^(?:access-control-|strict-transport)/.test(name))
      .toSorted(),
  );
}

interface Case {
  readonly name: string;
  readonly on: keyof typeof servers;
  readonly method?: string;
  readonly target?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly status: number;
  readonly want: object;
}

const jane = { "x-user": "jane" };
const a = { origin: "https://a.example" };
const cases: readonly Case[] = [
  {
    name: "A page of an allowed origin may read the answer",
    on: "both",
    headers: { ...jane, ...a },
    status: 404,
    want: { ...allowed("https://a.example"), ...insists },
  },
  {
    name: "A pattern may allow any port",
    on: "both",
    headers: { ...jane, origin: "https://a.example:8" },
    status: 404,
    want: { ...allowed("https://a.example:8"), ...insists },
  },
  {
    name: "Other origins are told nothing",
    on: "both",
    headers: { ...jane, origin: "http://bc" },
    status: 404,
    want: insists,
  },
  { name: "No page asks", on: "both", headers: jane, status: 404, want: insists },
  {
    name: "A refusal is read too",
    on: "both",
    headers: a,
    status: 401,
    want: { ...allowed("https://a.example"), ...insists },
  },
  {
    name: "A preflight is answered before anybody is asked who they are",
    on: "both",
    method: "OPTIONS",
    headers: { origin: "http://b", "access-control-request-method": "PUT" },
    status: 204,
    want: { ...allowed("http://b"), ...insists },
  },
  {
    name: "A preflight of another origin is a request",
    on: "both",
    method: "OPTIONS",
    headers: { origin: "http://c" },
    status: 401,
    want: insists,
  },
  {
    name: "A body that is too large is refused so that the page can read why",
    on: "both",
    method: "POST",
    target: `${path}/configmaps`,
    headers: { ...jane, ...a, "content-type": "application/json" },
    body: new Uint8Array(3_200_000),
    status: 413,
    want: { ...allowed("https://a.example"), ...insists },
  },
  {
    name: "A timeout that is none is refused before origins are looked at",
    on: "both",
    method: "OPTIONS",
    target: `${path}?timeout=x`,
    headers: a,
    status: 400,
    want: insists,
  },
  {
    name: "Without directives nothing is said of HTTPS",
    on: "origins",
    headers: { ...jane, ...a },
    status: 404,
    want: allowed("https://a.example"),
  },
  {
    name: "Without origins none is allowed",
    on: "https",
    method: "OPTIONS",
    headers: { ...jane, ...a },
    status: 405,
    want: { "strict-transport-security": "preload" },
  },
];
for (const { name, on, method = "GET", target = path, headers, body, status, want } of cases)
  test(name, async () => {
    const answer = await servers[on].send(method, target, {
      headers,
      ...(body && { body }),
      anonymous: true,
    });
    assert.deepEqual([answer.status, forBrowsersOnly(answer.headers)], [status, want]);
    if (status === 204) {
      assert.equal(answer.text, "");
      assert.match(String(answer.headers["audit-id"]), /^[0-9a-f-]{36}$/);
      assert.equal(answer.headers["cache-control"], "no-cache, private");
    }
  });

test("An upgrade that is refused is refused with the same headers", async () => {
  const { status, headers, text } = await servers.both.send("POST", `${path}/pods/p/exec`, {
    headers: { ...a, "x-user": "mallory", connection: "Upgrade", upgrade: "SPDY/3.1", "audit-id": "mine" },
    anonymous: true,
  });
  assert.deepEqual([status, JSON.parse(text).reason], [403, "Forbidden"]);
  assert.deepEqual(forBrowsersOnly(headers), { ...allowed("https://a.example"), ...insists });
  assert.deepEqual([headers["audit-id"], headers["cache-control"]], ["mine", "no-cache, private"]);
});

/** Asks over HTTP/2 without credentials; whether the connection is told to be the last. */
async function isRetired({ listener, pki }: TestListener, origin: string): Promise<boolean> {
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
    ca: pki.clusterAuthority.certificate,
  });
  let isTold = false;
  session.on("goaway", () => {
    isTold = true;
  });
  const stream = session.request({ ":method": "OPTIONS", ":path": path, origin }, { endStream: true });
  const [headers] = await once(stream, "response");
  assert.ok([204, 401].includes(headers[":status"]));
  // It is told before it is answered.
  session.destroy();
  return isTold;
}

test("A preflight over HTTP/2, which has no credentials, leaves the connection to the request after it", async () => {
  assert.equal(await isRetired(servers.both, "http://b"), false);
  assert.equal(await isRetired(servers.both, "http://c"), true);
});
