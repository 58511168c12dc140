/** What a private containerd is told; every path absolute. */
export interface ContainerdConfig {
  /** Everything of it lives below: root/, state/, opt/, runc/, certs.d/, sockets, log. */
  readonly directory: string;
  readonly address: string;
  readonly sandboxImage: string;
  readonly snapshotter: "overlayfs" | "native";
  readonly cniConfDirectory: string;
  readonly cniBinDirectory: string;
  readonly registryHostsDirectory: string;
  /** Without CAP_SYS_RESOURCE no process may become less likely to be killed: runc must not try. */
  readonly restrictOomScoreAdj: boolean;
}

/** Snapshotters and services that Kubernetes never uses: each costs start time, memory or a warning. */
const unusedPlugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
];

/** A configuration of version 2, which 1.6, 1.7 and 2.x all take. */
export function containerdToml(config: ContainerdConfig): string {
  const { directory } = config;
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${quoted(`${directory}/root`)}
state = ${quoted(`${directory}/state`)}
disabled_plugins = [${unusedPlugins.map(quoted).join(", ")}]

[grpc]
  address = ${quoted(config.address)}

[ttrpc]
  address = ${quoted(`${config.address}.ttrpc`)}

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = ${quoted(`${directory}/opt`)}

# Its socket would be the whole host's.
[plugins."io.containerd.nri.v1.nri"]
  disable = true

[${cri}]
  sandbox_image = ${quoted(config.sandboxImage)}
  restrict_oom_score_adj = ${config.restrictOomScoreAdj}
  netns_mounts_under_state_dir = true
  tolerate_missing_hugetlb_controller = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

[${cri}.containerd]
  snapshotter = ${quoted(config.snapshotter)}
  default_runtime_name = "runc"

[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
  Root = ${quoted(`${directory}/runc`)}

[${cri}.cni]
  bin_dir = ${quoted(config.cniBinDirectory)}
  conf_dir = ${quoted(config.cniConfDirectory)}

[${cri}.registry]
  config_path = ${quoted(config.registryHostsDirectory)}
`;
}

/** TOML's basic strings are JSON's, for what a path can hold. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
