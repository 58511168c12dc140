import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { operationWords, parseOperationFlags, withOperationFlags } from "./operation-flags.ts";
import type { OperationFlags } from "./read-operation-flags.ts";
import { parseUpOptions } from "./up-options.ts";
import { UserError } from "./user-error.ts";

/** What commander makes of a command line. */
function flagsOf(...words: readonly string[]): OperationFlags {
  return withOperationFlags(new Command()).exitOverride().parse(words, { from: "user" }).opts();
}

const read = async (...words: readonly string[]) => parseOperationFlags(flagsOf(...words));

const help =
  "help: each is a regular expression that says where the host begins, with '^' or '//', and where it ends, with '$' or ':', such as '//example\\.com(:|$)'";
const unpinned = `--cors-allowed-origins has an invalid regular expression: regular expression does not pin to start/end of host in the origin header, ${help}`;
const directives =
  "--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information";
const argument = (flag: string, text: string, why: string) =>
  `invalid argument ${JSON.stringify(text)} for "--${flag}" flag: ${why}`;
const notANumber = (text: string) => `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;

for (const [flag, value, says] of [
  ["cors-allowed-origins", "example.com", unpinned],
  ["cors-allowed-origins", "^https//example.com", unpinned],
  ["cors-allowed-origins", "a,b", unpinned],
  [
    "cors-allowed-origins",
    "//a$,//(b$",
    `--cors-allowed-origins has an invalid regular expression: error parsing regexp: missing closing ): \`//(b$\`, ${help}`,
  ],
  ["cors-allowed-origins", "a,,", `[${unpinned}, empty value in --cors-allowed-origins, ${help}]`],
  [
    "cors-allowed-origins",
    'a"b',
    argument("cors-allowed-origins", 'a"b', 'parse error on line 1, column 2: bare " in non-quoted-field'),
  ],
  ["strict-transport-security-directives", "max-age", directives],
  ["strict-transport-security-directives", "preloads", directives],
  [
    "strict-transport-security-directives",
    "a,,max-age",
    `[${directives}, empty value in strict-transport-security-directives]`,
  ],
  ...(
    [
      ['x,a"b', 'column 4: bare " in non-quoted-field'],
      ['"a"b', 'column 3: extraneous or missing " in quoted-field'],
      ['x,"a"b,c', 'column 5: extraneous or missing " in quoted-field'],
      ['ü,"ab', 'column 7: extraneous or missing " in quoted-field'],
    ] as const
  ).map(([text, where]) => {
    const name = "strict-transport-security-directives";
    return [name, text, argument(name, text, `parse error on line 1, ${where}`)] as const;
  }),
  ["tls-min-version", "TLS1", 'unknown tls version "TLS1"'],
  ["tls-cipher-suites", "A,B", "Cipher suite A not supported or doesn't exist"],
  [
    "tls-cipher-suites",
    "TLS_RSA_WITH_RC4_128_SHA",
    "Cipher suite TLS_RSA_WITH_RC4_128_SHA not supported or doesn't exist",
  ],
  [
    "tls-cipher-suites",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "error configuring http2: http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)",
  ],
  ["tls-curve-preferences", "0", "curve preference 0 is out of range (must be 1-65535)"],
  ["tls-curve-preferences", "23,23", "duplicate curve preference 23"],
  ["tls-curve-preferences", "29,30", "curve preference 30 is not supported by the current Go version"],
  ["tls-curve-preferences", "24,x", argument("tls-curve-preferences", "24,x", notANumber("x"))],
  [
    "disable-http2-serving",
    "x",
    argument("disable-http2-serving", "x", 'strconv.ParseBool: parsing "x": invalid syntax'),
  ],
  [
    "permit-address-sharing",
    "yes",
    argument("permit-address-sharing", "yes", 'strconv.ParseBool: parsing "yes": invalid syntax'),
  ],
  [
    "http2-max-streams-per-connection",
    "z",
    argument("http2-max-streams-per-connection", "z", notANumber("z")),
  ],
  [
    "default-not-ready-toleration-seconds",
    "5m",
    argument("default-not-ready-toleration-seconds", "5m", notANumber("5m")),
  ],
  [
    "default-unreachable-toleration-seconds",
    "9223372036854775808",
    argument(
      "default-unreachable-toleration-seconds",
      "9223372036854775808",
      'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ),
  ],
  [
    "service-node-port-range",
    "1-2-3",
    argument("service-node-port-range", "1-2-3", 'strconv.Atoi: parsing "2-3": invalid syntax'),
  ],
  [
    "service-node-port-range",
    "5-3",
    argument("service-node-port-range", "5-3", "end port cannot be less than start port: 5-3"),
  ],
  [
    "service-node-port-range",
    "5+70000",
    argument("service-node-port-range", "5+70000", "the port range cannot be greater than 65535: 5+70000"),
  ],
] as const)
  test(`--${flag}=${value} is refused: ${says.slice(0, 90)}`, async () => {
    await assert.rejects(
      read(`--${flag}=${value}`),
      (error) => error instanceof UserError && error.message === says,
    );
  });

for (const [uri, says] of [
  ["http://x", "service-account-jwks-uri requires https scheme, parsed as: http://x"],
  ["foo", "service-account-jwks-uri requires https scheme, parsed as: foo"],
  [":x", 'service-account-jwks-uri must be a valid URL: parse ":x": missing protocol scheme'],
  [
    "https://%zz",
    'service-account-jwks-uri must be a valid URL: parse "https://%zz": invalid URL escape "%zz"',
  ],
  ["https://keys.example/set", "https://keys.example/set"],
] as const)
  test(`--service-account-jwks-uri ${uri} is judged as kube-apiserver judges it`, async () => {
    const common = { nodes: "1", runtime: "sim", storage: "memory", port: "0", logLevel: "info" };
    const got = await parseUpOptions({ ...common, serviceAccountJwksUri: uri }).then(
      ({ auth }) => auth?.jwksUri,
      (error: unknown) => error instanceof UserError && error.message,
    );
    assert.equal(got, says);
  });

test("A list that is given again adds to the list, and quotes hold commas", async () => {
  const words = [
    "--cors-allowed-origins",
    '//a$,"//b{1,2}$"',
    "--cors-allowed-origins=^http://c:",
    "--strict-transport-security-directives=max-age=1",
    "--strict-transport-security-directives=preload",
  ];
  const given = flagsOf(...words);
  const { browsers } = (await parseOperationFlags(given))?.serving ?? {};
  assert.deepEqual(browsers?.allowedOrigins.map(String), [
    "/\\/\\/a$/u",
    "/\\/\\/b{1,2}$/u",
    "/^http:\\/\\/c:/u",
  ]);
  assert.deepEqual(browsers?.transportSecurity, ["max-age=1", "preload"]);
  assert.deepEqual(flagsOf(...operationWords(given)), given, "on the way to a background process");
});

for (const { words, want } of [
  { words: ["--disable-http2-serving"], want: { http1Only: true, sharesPort: false } },
  { words: ["--permit-port-sharing=T"], want: { http1Only: false, sharesPort: true } },
  { words: ["--permit-address-sharing"], want: { http1Only: false, sharesPort: false } },
  { words: ["--cors-allowed-origins="], want: { http1Only: false, sharesPort: false } },
  {
    words: ["--http2-max-streams-per-connection", "7"],
    want: { http1Only: false, sharesPort: false, maxStreams: 7 },
  },
  {
    words: ["--http2-max-streams-per-connection", "-3"],
    want: { http1Only: false, sharesPort: false },
  },
  {
    words: ["--tls-min-version=VersionTLS13", "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"],
    want: {
      http1Only: false,
      sharesPort: false,
      tls: {
        minVersion: "TLSv1.3",
        ciphers:
          "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES256-SHA",
      },
    },
  },
  {
    words: ["--tls-curve-preferences=23,4588"],
    want: {
      http1Only: false,
      sharesPort: false,
      tls: { minVersion: "TLSv1.2", ecdhCurve: "X25519MLKEM768:P-256" },
    },
  },
])
  test(`${words.join(" ")} is understood`, async () => {
    assert.deepEqual((await read(...words))?.serving, want);
  });

test("Of two times pods stay on failing nodes the one that is not said is five minutes", async () => {
  const operation = await read("--default-not-ready-toleration-seconds=-1");
  assert.deepEqual(operation?.admission?.tolerationSeconds, { notReady: -1, unreachable: 300 });
});

test("--livez-grace-period is a duration that is not negative", async () => {
  assert.equal((await read("--livez-grace-period=1m30s"))?.livezGraceMs, 90_000);
  await assert.rejects(read("--livez-grace-period=-1s"), UserError);
});

for (const [text, want] of [
  ["20000-20010", { first: 20_000, last: 20_010 }],
  [" 20000+10 ", { first: 20_000, last: 20_010 }],
  ["20000", { first: 20_000, last: 20_000 }],
  ["", undefined],
] as const)
  test(`"${text}" is a range of node ports`, async () => {
    assert.deepEqual((await read(`--service-node-port-range=${text}`))?.nodePorts, want);
  });

test("A flag that is not there is refused by its name", () => {
  const command = withOperationFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  assert.throws(() => command.parse(["--tracing-config-file=x"], { from: "user" }), {
    message: "error: unknown option '--tracing-config-file=x'",
  });
});
