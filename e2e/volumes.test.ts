import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, RealCluster, skipReason } from "./test-support/cluster.ts";
import { Api, busybox, Namespace, pod, type Spec, shell, untilTerminated } from "./test-support/namespace.ts";

/** Mode, owner, group and text of each file, one line each. */
const show = (...paths: string[]) =>
  paths.map((path) => `echo "${path} $(stat -L -c '%A %u %g' ${path} 2>&1) $(cat ${path} 2>&1)"`).join("; ");
const mount = (...names: string[]) => names.map((name) => ({ name, mountPath: `/v/${name}` }));
const mapped = [{ key: "data-2", path: "path/to/data-2" }];
const mappedWithMode = [{ key: "data-2", path: "path/to/data-2", mode: 0o400 }];

describe("Volumes on a real node", { skip: skipReason, concurrency: 6 }, () => {
  let cluster: RealCluster;
  let api: Api;
  const namespace = (name: string) => Namespace.create(cluster, api, name);

  before(async () => {
    cluster = await RealCluster.start({ nodes: 2 });
    api = await Api.start(cluster);
  });

  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  for (const { kind, plain, projected, testnames } of [
    {
      kind: "ConfigMap" as const,
      plain: (fields: Spec) => ({ configMap: { name: "source", ...fields } }),
      projected: (fields: Spec) => ({ configMap: { name: "source", ...fields } }),
      testnames: [
        "ConfigMap Volume, without mapping",
        "ConfigMap Volume, without mapping, non-root user",
        "ConfigMap Volume, without mapping, volume mode set",
        "ConfigMap Volume, with mapping",
        "ConfigMap Volume, with mapping, volume mode set",
        "ConfigMap Volume, with mapping, non-root user",
        "ConfigMap Volume, multiple volume maps",
        "Projected Volume, ConfigMap, volume mode default",
        "Projected Volume, ConfigMap, non-root user",
        "Projected Volume, ConfigMap, volume mode 0400",
        "Projected Volume, ConfigMap, mapped",
        "Projected Volume, ConfigMap, mapped, volume mode 0400",
        "Projected Volume, ConfigMap, mapped, non-root user",
        "Projected Volume, ConfigMap, multiple volume paths",
      ],
    },
    {
      kind: "Secret" as const,
      plain: (fields: Spec) => ({ secret: { secretName: "source", ...fields } }),
      projected: (fields: Spec) => ({ secret: { name: "source", ...fields } }),
      testnames: [
        "Secrets Volume, default",
        "Secrets Volume, volume mode 0400",
        "Secrets Volume, volume mode 0440, fsGroup 1001 and uid 1000",
        "Secrets Volume, mapping",
        "Secrets Volume, mapping, volume mode 0400",
        "Secrets Volume, mapping multiple volume paths",
        "Projected Volume, Secrets, volume mode default",
        "Projected Volume, Secrets, volume mode 0400",
        "Project Volume, Secrets, non-root, custom fsGroup",
        "Projected Volume, Secrets, mapped",
        "Projected Volume, Secrets, mapped, volume mode 0400",
        "Projected Volume, Secrets, mapped, multiple paths",
      ],
    },
  ]) {
    test(`${kind} in volumes, for root and others: ${testnames.join("; ")}`, async () => {
      const space = await namespace(`source-${kind.toLowerCase()}`);
      const text = (value: string) => (kind === "Secret" ? Buffer.from(value).toString("base64") : value);
      await space.create({
        kind,
        metadata: { name: "source" },
        data: { "data-1": text("value-1"), "data-2": text("value-2") },
      });
      const volumes = [
        { name: "whole", ...plain({}) },
        { name: "mode", ...plain({ defaultMode: 0o400 }) },
        { name: "group", ...plain({ defaultMode: 0o440 }) },
        { name: "mapped", ...plain({ items: mapped }) },
        { name: "mapped-mode", ...plain({ items: mappedWithMode }) },
        { name: "p-whole", projected: { sources: [projected({})] } },
        { name: "p-mode", projected: { sources: [projected({})], defaultMode: 0o400 } },
        { name: "p-group", projected: { sources: [projected({})], defaultMode: 0o440 } },
        { name: "p-mapped", projected: { sources: [projected({ items: mapped })] } },
        { name: "p-mapped-mode", projected: { sources: [projected({ items: mappedWithMode })] } },
      ];
      const script = [
        ...["", "p-"].flatMap((prefix) => [
          show(`/v/${prefix}whole/data-1`, `/v/${prefix}mode/data-1`, `/v/${prefix}group/data-1`),
          show(`/v/${prefix}mapped/path/to/data-2`, `/v/${prefix}mapped-mode/path/to/data-2`),
        ]),
        "ls /v/mapped",
      ].join("; ");
      const volumeMounts = mount(...volumes.map(({ name }) => name));
      const [root, other] = await Promise.all([
        space.lines("root", { volumes, containers: [shell(script, { volumeMounts })] }),
        space.lines("other", {
          securityContext: { runAsUser: 1000, fsGroup: 1001 },
          volumes,
          containers: [shell(script, { volumeMounts })],
        }),
      ]);
      const wanted = (group: string, modes: readonly [string, string, string]) =>
        ["", "p-"].flatMap((prefix) => [
          `/v/${prefix}whole/data-1 ${modes[0]} 0 ${group} value-1`,
          `/v/${prefix}mode/data-1 ${modes[1]} 0 ${group} value-1`,
          `/v/${prefix}group/data-1 ${modes[2]} 0 ${group} value-1`,
          `/v/${prefix}mapped/path/to/data-2 ${modes[0]} 0 ${group} value-2`,
          `/v/${prefix}mapped-mode/path/to/data-2 ${modes[1]} 0 ${group} value-2`,
        ]);
      assert.deepEqual(root, [...wanted("0", ["-rw-r--r--", "-r--------", "-r--r-----"]), "path"]);
      assert.deepEqual(other, [...wanted("1001", ["-rw-r--r--", "-r--r-----", "-r--r-----"]), "path"]);
    });
  }

  test("What changes in the API changes in the volumes: ConfigMap Volume, update; ConfigMap Volume, text data, binary data; ConfigMap Volume, create, update and delete; Secrets Volume, create, update and delete; Projected Volume, ConfigMap, update; Projected Volume, ConfigMap, create, update and delete; Projected Volume, Secrets, create, update delete; DownwardAPI volume, update label; DownwardAPI volume, update annotations; Projected Volume, DownwardAPI, update labels; Projected Volume, DownwardAPI, update annotation", async () => {
    const space = await namespace("updates");
    await space.create(
      {
        kind: "ConfigMap",
        metadata: { name: "changes" },
        data: { text: "one" },
        binaryData: { binary: Buffer.from([0xde, 0xca, 0xfe, 0xba, 0xd0, 0xfe, 0xff]).toString("base64") },
      },
      { kind: "ConfigMap", metadata: { name: "goes" }, data: { text: "there" } },
      { kind: "Secret", metadata: { name: "secret-goes" }, stringData: { text: "there" } },
    );
    const items = [
      { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
      { path: "annotations", fieldRef: { fieldPath: "metadata.annotations" } },
    ];
    const volumes = [
      { name: "changes", configMap: { name: "changes" } },
      { name: "goes", configMap: { name: "goes", optional: true } },
      { name: "comes", configMap: { name: "comes", optional: true } },
      { name: "secret-goes", secret: { secretName: "secret-goes", optional: true } },
      { name: "secret-comes", secret: { secretName: "secret-comes", optional: true } },
      { name: "p-changes", projected: { sources: [{ configMap: { name: "changes" } }] } },
      {
        name: "p-optional",
        projected: {
          sources: [
            {
              configMap: { name: "goes", optional: true, items: [{ key: "text", path: "config/goes" }] },
            },
            {
              configMap: { name: "comes", optional: true, items: [{ key: "text", path: "config/comes" }] },
            },
            { secret: { name: "secret-goes", optional: true, items: [{ key: "text", path: "s/goes" }] } },
            { secret: { name: "secret-comes", optional: true, items: [{ key: "text", path: "s/comes" }] } },
          ],
        },
      },
      { name: "own", downwardAPI: { items } },
      { name: "p-own", projected: { sources: [{ downwardAPI: { items } }] } },
    ];
    await space.create(
      pod(
        "watcher",
        {
          volumes,
          containers: [shell(untilTerminated, { volumeMounts: mount(...volumes.map(({ name }) => name)) })],
        },
        { labels: { color: "blue" }, annotations: { builder: "bar" } },
      ),
    );
    await space.ready("watcher");
    const look = () =>
      space.exec(
        "watcher",
        "cd /v; for f in $(find . -type l -o -type f | grep -v /\\\\.\\\\. | sort); do echo $f $(od -An -c < $f | tr -d ' \\n'); done",
      );
    const first = await look();
    assert.match(first, /\.\/changes\/text one/);
    assert.match(await space.exec("watcher", "od -An -tx1 /v/changes/binary"), /de ca fe ba d0 fe ff/);
    assert.match(first, /\.\/goes\/text there/);
    assert.match(first, /p-own\/labels color="blue"/);
    await Promise.all([
      space.patch("ConfigMap", "changes", { data: { text: "two" } }),
      space.delete("ConfigMap", "goes"),
      space.delete("Secret", "secret-goes"),
      space.create({ kind: "ConfigMap", metadata: { name: "comes" }, data: { text: "new" } }),
      space.create({ kind: "Secret", metadata: { name: "secret-comes" }, stringData: { text: "new" } }),
      space.patch("Pod", "watcher", {
        metadata: { labels: { color: "red" }, annotations: { builder: "foo" } },
      }),
    ]);
    const isNew = (text: string) =>
      [
        /^\.\/changes\/text two$/m,
        /^\.\/p-changes\/text two$/m,
        /^\.\/comes\/text new$/m,
        /^\.\/secret-comes\/text new$/m,
        /^\.\/p-optional\/config/m,
        /^\.\/own\/labels color="red"/m,
        /^\.\/p-own\/labels color="red"/m,
        /^\.\/own\/annotations .*builder="foo"/m,
        /^\.\/p-own\/annotations .*builder="foo"/m,
      ].every((line) => line.test(text)) && !/there/.test(text);
    await eventually("the new contents", look, isNew);
    assert.equal(
      await space.exec("watcher", "cd /v/p-optional; cat config/comes s/comes; ls config s"),
      "newnewconfig:\ncomes\n\ns:\ncomes",
    );
  });

  test("A volume's source may be missing for a while: the pod waits, and starts when it comes", async () => {
    const space = await namespace("late");
    await space.create(
      pod("late", {
        restartPolicy: "Never",
        volumes: [{ name: "late", configMap: { name: "late" } }],
        containers: [shell("cat /v/late/text", { volumeMounts: mount("late") })],
      }),
    );
    await eventually(
      "an event of the failed mount",
      () => space.kubectl("get", "events", "-o", "jsonpath={.items[*].message}"),
      (text) => text.includes('configmap "late" not found'),
    );
    await space.create({ kind: "ConfigMap", metadata: { name: "late" }, data: { text: "came" } });
    assert.equal((await space.ended("late")).status.phase, "Succeeded");
    assert.equal(await space.logs("late"), "came");
  });

  test("Secrets Volume, volume mode default, secret with same name in different namespace", async () => {
    const [here, there] = await Promise.all([namespace("secret-here"), namespace("secret-there")]);
    for (const space of [here, there])
      await space.create({ kind: "Secret", metadata: { name: "same" }, stringData: { of: space.name } });
    const lines = await here.lines("reader", {
      volumes: [{ name: "same", secret: { secretName: "same" } }],
      containers: [shell("cat /v/same/of; echo", { volumeMounts: mount("same") })],
    });
    assert.deepEqual(lines, ["secret-here"]);
  });

  test("A pod's own fields in volumes: DownwardAPI volume, pod name; DownwardAPI volume, volume mode 0400; DownwardAPI volume, file mode 0400; DownwardAPI volume, CPU limits; DownwardAPI volume, memory limits; DownwardAPI volume, CPU request; DownwardAPI volume, memory request; DownwardAPI volume, CPU limit, default node allocatable; DownwardAPI volume, memory limit, default node allocatable; Projected Volume, DownwardAPI, pod name; Projected Volume, DownwardAPI, volume mode 0400; Projected Volume, DownwardAPI, CPU limits; Projected Volume, DownwardAPI, memory limits; Projected Volume, DownwardAPI, CPU request; Projected Volume, DownwardAPI, memory request; Projected Volume, DownwardAPI, CPU limit, node allocatable; Projected Volume, DownwardAPI, memory limit, node allocatable", async () => {
    const space = await namespace("downward");
    const amount = (path: string, containerName: string, resource: string, divisor: string) => ({
      path,
      resourceFieldRef: { containerName, resource, divisor },
    });
    const items = [
      { path: "name", fieldRef: { fieldPath: "metadata.name" } },
      { path: "name-mode", mode: 0o400, fieldRef: { fieldPath: "metadata.name" } },
      { path: "team", fieldRef: { fieldPath: "metadata.labels['team']" } },
      amount("cpu-limit", "main", "limits.cpu", "1m"),
      amount("memory-limit", "main", "limits.memory", "1Mi"),
      amount("cpu-request", "main", "requests.cpu", "1m"),
      amount("memory-request", "main", "requests.memory", "1Mi"),
      amount("cpu-default", "second", "limits.cpu", "1m"),
      amount("memory-default", "second", "limits.memory", "1"),
    ];
    const all = items.map(({ path }) => path);
    await space.create(
      pod(
        "self",
        {
          restartPolicy: "Never",
          volumes: [
            { name: "own", downwardAPI: { items } },
            { name: "p-own", projected: { sources: [{ downwardAPI: { items } }] } },
            { name: "mode", downwardAPI: { items: items.slice(0, 1), defaultMode: 0o400 } },
            {
              name: "p-mode",
              projected: { sources: [{ downwardAPI: { items: items.slice(0, 1) } }], defaultMode: 0o400 },
            },
          ],
          containers: [
            shell(
              show(
                ...["own", "p-own"].flatMap((volume) => all.map((path) => `/v/${volume}/${path}`)),
                "/v/mode/name",
                "/v/p-mode/name",
              ),
              {
                volumeMounts: mount("own", "p-own", "mode", "p-mode"),
                resources: {
                  requests: { cpu: "250m", memory: "32Mi" },
                  limits: { cpu: "1250m", memory: "64Mi" },
                },
              },
            ),
            { name: "second", image: busybox, command: ["true"] },
          ],
        },
        { labels: { team: "red" } },
      ),
    );
    const ended = await space.ended("self");
    const { status } = await api.get<{ status: { allocatable: Record<string, string> } }>(
      `api/v1/nodes/${ended.spec.nodeName}`,
    );
    const cpu = String(status.allocatable.cpu);
    const memory = String(status.allocatable.memory);
    const cpuMillis = cpu.endsWith("m") ? cpu.slice(0, -1) : `${cpu}000`;
    const memoryBytes = memory.endsWith("Ki") ? String(Number(memory.slice(0, -2)) * 1024) : memory;
    const mode = "-rw-r--r-- 0 0";
    const wanted = (volume: string) => [
      `/v/${volume}/name ${mode} self`,
      `/v/${volume}/name-mode -r-------- 0 0 self`,
      `/v/${volume}/team ${mode} red`,
      `/v/${volume}/cpu-limit ${mode} 1250`,
      `/v/${volume}/memory-limit ${mode} 64`,
      `/v/${volume}/cpu-request ${mode} 250`,
      `/v/${volume}/memory-request ${mode} 32`,
      `/v/${volume}/cpu-default ${mode} ${cpuMillis}`,
      `/v/${volume}/memory-default ${mode} ${memoryBytes}`,
    ];
    assert.deepEqual((await space.logs("self", "container=main")).split("\n").slice(0, -1), [
      ...wanted("own"),
      ...wanted("p-own"),
      "/v/mode/name -r-------- 0 0 self",
      "/v/p-mode/name -r-------- 0 0 self",
    ]);
  });

  test("Projected Volume, multiple projections", async () => {
    const space = await namespace("projected");
    await space.create(
      { kind: "ConfigMap", metadata: { name: "config" }, data: { text: "config-text" } },
      { kind: "Secret", metadata: { name: "secret" }, stringData: { text: "secret-text" } },
    );
    const sources = [
      { configMap: { name: "config", items: [{ key: "text", path: "all/config" }] } },
      { secret: { name: "secret", items: [{ key: "text", path: "all/secret" }] } },
      { downwardAPI: { items: [{ path: "all/name", fieldRef: { fieldPath: "metadata.name" } }] } },
      { serviceAccountToken: { path: "all/token", audience: "someone", expirationSeconds: 600 } },
    ];
    const lines = await space.lines("all", {
      securityContext: { runAsUser: 1000 },
      volumes: [{ name: "all", projected: { sources } }],
      containers: [
        shell(
          "cd /v/all/all; for f in config secret name; do cat $f; echo; done; stat -L -c '%A %u' token; cut -d. -f2 token",
          { volumeMounts: mount("all") },
        ),
      ],
    });
    assert.deepEqual(lines.slice(0, 4), ["config-text", "secret-text", "all", "-rw------- 1000"]);
    const claims = JSON.parse(Buffer.from(lines[4] ?? "", "base64url").toString());
    assert.deepEqual(claims.aud, ["someone"]);
    assert.equal(claims.sub, "system:serviceaccount:projected:default");
    assert.equal(claims["kubernetes.io"].pod.name, "all");
  });

  test("EmptyDir, medium default, volume mode default; EmptyDir, medium memory, volume mode default; EmptyDir, medium default, volume mode 0644; EmptyDir, medium default, volume mode 0666; EmptyDir, medium default, volume mode 0777; EmptyDir, medium memory, volume mode 0644; EmptyDir, medium memory, volume mode 0666; EmptyDir, medium memory, volume mode 0777; EmptyDir, medium memory, volume mode 0644, non-root user; EmptyDir, medium memory, volume mode 0666,, non-root user; EmptyDir, medium memory, volume mode 0777, non-root user", async () => {
    const space = await namespace("empty");
    const volumes = [
      { name: "disk", emptyDir: {} },
      { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
    ];
    const script = ["disk", "memory"]
      .flatMap((name) => [
        `stat -c '%A' /v/${name}`,
        `awk '$2=="/v/${name}"{print ($3=="tmpfs")}' /proc/mounts`,
        ...["0644", "0666", "0777"].map(
          (mode) =>
            `echo text > /v/${name}/${mode}; chmod ${mode} /v/${name}/${mode}; stat -c '%a %u' /v/${name}/${mode}; cat /v/${name}/${mode}`,
        ),
      ])
      .concat("df -m /v/memory | awk 'END{print $2}'")
      .join("; ");
    const containers = [shell(script, { volumeMounts: mount("disk", "memory") })];
    const seLinuxOptions = { level: "s0" };
    const [root, other] = await Promise.all([
      space.lines("root", { volumes, containers, securityContext: { seLinuxOptions } }),
      space.lines("other", { volumes, containers, securityContext: { seLinuxOptions, runAsUser: 1001 } }),
    ]);
    const files = (user: string) => ["644", "666", "777"].flatMap((mode) => [`${mode} ${user}`, "text"]);
    const wanted = (user: string) => ["drwxrwxrwx", "0", ...files(user), "drwxrwxrwt", "1", ...files(user)];
    const normal = (lines: readonly string[]) =>
      lines.map((line) => line.replace(/^drwxrwxrwt$/, "drwxrwxrwx"));
    assert.deepEqual(normal(root), normal([...wanted("0"), "16"]));
    assert.deepEqual(normal(other), normal([...wanted("1001"), "16"]));
  });

  test("EmptyDir, Shared volumes between containers; EmptyDir Wrapper Volume, Secret and ConfigMap volumes, no conflict; an fsGroup owns what it shares", async () => {
    const space = await namespace("shared");
    await space.create(
      { kind: "ConfigMap", metadata: { name: "wrapped" }, data: { a: "config" } },
      { kind: "Secret", metadata: { name: "wrapped" }, stringData: { a: "secret" } },
    );
    await space.create(
      pod("shared", {
        restartPolicy: "Never",
        securityContext: { fsGroup: 123 },
        volumes: [
          { name: "shared", emptyDir: {} },
          { name: "config", configMap: { name: "wrapped" } },
          { name: "secret", secret: { secretName: "wrapped" } },
        ],
        containers: [
          shell(
            "until cat /v/shared/told 2>/dev/null; do sleep 0.1; done; cat /v/config/a /v/secret/a; echo",
            {
              volumeMounts: mount("shared", "config", "secret"),
            },
          ),
          shell("echo $(id -G) $(stat -c '%g %A' /v/shared) > /v/shared/t; mv /v/shared/t /v/shared/told", {
            name: "writer",
            volumeMounts: mount("shared"),
            securityContext: { runAsUser: 1000 },
          }),
        ],
      }),
    );
    await space.ended("shared");
    assert.equal(await space.logs("shared", "container=main"), "0 123 123 drwxrwsrwx\nconfigsecret\n");
  });

  test("EmptyDir Wrapper Volume, ConfigMap volumes, no race", async () => {
    const space = await namespace("race");
    const names = Array.from({ length: 50 }, (_, index) => `racey-configmap-${index}`);
    await space.create(
      ...names.map((name) => ({
        kind: "ConfigMap" as const,
        metadata: { name },
        data: { "data-1": "value-1" },
      })),
    );
    const items = [{ key: "data-1", path: "data-1" }];
    const volumes = names.map((name) => ({ name, configMap: { name, items } }));
    const volumeMounts = names.map((name, index) => ({ name, mountPath: `/etc/config-${index}` }));
    const pods = ["a", "b", "c", "d", "e"];
    const script = `cat /etc/config-*/data-1 | grep -o value-1 | wc -l; ${untilTerminated}`;
    const containers = [shell(script, { volumeMounts })];
    await space.create(
      ...pods.map((name) => pod(name, { nodeName: "node-2", dnsPolicy: "Default", containers, volumes })),
    );
    for (const name of pods) await space.ready(name);
    for (const name of pods)
      await eventually(
        name,
        () => space.logs(name),
        (text) => text === "50\n",
      );
  });

  test("SubPath: Reading content from a configmap volume. SubPath: Reading content from a secret volume. SubPath: Reading content from a downwardAPI volume. SubPath: Reading content from a projected volume.", async () => {
    const space = await namespace("subpath");
    await space.create(
      { kind: "ConfigMap", metadata: { name: "source" }, data: { key: "config" } },
      { kind: "Secret", metadata: { name: "source" }, stringData: { key: "secret" } },
    );
    const volumes = [
      { name: "config", configMap: { name: "source" } },
      { name: "secret", secret: { secretName: "source" } },
      {
        name: "own",
        downwardAPI: { items: [{ path: "deep/key", fieldRef: { fieldPath: "metadata.name" } }] },
      },
      {
        name: "all",
        projected: {
          sources: [{ configMap: { name: "source", items: [{ key: "key", path: "deep/key" }] } }],
        },
      },
      { name: "empty", emptyDir: {} },
    ];
    const one = ["config", "secret", "own", "all"].map((name, index) => ({
      name,
      mountPath: `/one/${name}`,
      subPath: index < 2 ? "key" : "deep/key",
    }));
    const lines = await space.lines("reader", {
      volumes,
      securityContext: { seLinuxOptions: { level: "s0:c0,c1" } },
      containers: [
        shell(
          "for f in config secret own all; do cat /one/$f; echo; done; cat /etc/hostname /etc/resolv.conf; echo; echo hi > /made/f; ls /whole",
          {
            volumeMounts: [
              ...one,
              { name: "config", mountPath: "/etc/hostname", subPath: "key" },
              { name: "config", mountPath: "/etc/resolv.conf", subPath: "key" },
              { name: "empty", mountPath: "/made", subPath: "deep/er" },
              { name: "empty", mountPath: "/whole" },
            ],
          },
        ),
      ],
    });
    assert.deepEqual(lines, ["config", "secret", "reader", "config", "configconfig", "deep"]);
  });

  test("VolumeSubpathEnvExpansion, subpath expansion; VolumeSubpathEnvExpansion, subpath test writes; VolumeSubpathEnvExpansion, subpath with absolute path; VolumeSubpathEnvExpansion, subpath with backticks; VolumeSubpathEnvExpansion, subpath ready from failed state", async () => {
    const space = await namespace("expansion");
    const env = [
      { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "PLACE", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['place']" } } },
      { name: "ABSOLUTE", value: "/absolute" },
      { name: "UPWARDS", value: ".." },
    ];
    const volumes = [{ name: "work", emptyDir: {} }];
    const whole = { name: "work", mountPath: "/whole" };
    const sub = (subPathExpr: string) => ({ name: "work", mountPath: "/sub", subPathExpr });
    const writer = (name: string, expression: string) =>
      pod(name, {
        restartPolicy: "Never",
        volumes,
        containers: [
          shell("echo hello > /sub/file; find /whole -type f", {
            env,
            volumeMounts: [whole, sub(expression)],
          }),
        ],
      });
    await space.create(
      writer("good", "logs/$(POD)/$$(POD)"),
      writer("absolute", "$(ABSOLUTE)"),
      writer("backticks", "$(UPWARDS)"),
      writer("mended", "$(PLACE)/$(POD)"),
    );
    await space.ended("good");
    assert.equal(await space.logs("good"), "/whole/logs/good/$(POD)/file\n");
    for (const name of ["absolute", "backticks", "mended"]) {
      const waiting = await space.until(
        name,
        "refused",
        ({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason === "CreateContainerConfigError",
      );
      assert.equal(waiting.status.phase, "Pending");
    }
    await space.patch("Pod", "mended", { metadata: { annotations: { place: "mine" } } });
    assert.equal((await space.ended("mended")).status.phase, "Succeeded");
    assert.equal(await space.logs("mended"), "/whole/mine/mended/file\n");
  });

  test("HostPath: what the host has is seen, what is missing is made or refused by type", async () => {
    const space = await namespace("hostpath");
    const made = `${cluster.directory}/made/by/pod`;
    await space.create(
      pod("typed", {
        restartPolicy: "Never",
        volumes: [
          { name: "made", hostPath: { path: made, type: "DirectoryOrCreate" } },
          { name: "hostname", hostPath: { path: "/etc/passwd", type: "File" } },
        ],
        containers: [
          shell("echo from-pod > /v/made/file; grep -c ^root: /v/hostname", {
            volumeMounts: mount("made", "hostname"),
          }),
        ],
      }),
      pod("refused", {
        volumes: [{ name: "none", hostPath: { path: `${cluster.directory}/none`, type: "Directory" } }],
        containers: [shell("true", { volumeMounts: mount("none") })],
      }),
    );
    assert.equal((await space.ended("typed")).status.phase, "Succeeded");
    assert.equal(await space.logs("typed"), "1\n");
    await eventually(
      "the refusal",
      () => space.kubectl("get", "events", "-o", "jsonpath={.items[*].message}"),
      (text) => text.includes("hostPath type check failed"),
    );
    assert.equal((await space.pod("refused")).status.phase, "Pending");
  });
});
