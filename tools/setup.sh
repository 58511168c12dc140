#!/bin/sh
# Puts in place what k8ts needs on Debian 12: npm packages and, as root, the node's binaries. Does nothing when all is there.
# With the word "test": also clients that only the tests drive it with.
set -eu
cd "$(dirname "$0")/.."

if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  command -v npm >/dev/null || { echo "k8ts: npm is missing; install Node.js 20 or newer with npm" >&2; exit 1; }
  echo "k8ts: installing npm packages" >&2
  npm ci --no-audit --no-fund --loglevel=error >&2
fi

# Where Debian keeps a system's own tools, whatever this shell's PATH says.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
missing=""
need() { command -v "$1" >/dev/null 2>&1 || [ -x "$1" ] || missing="$missing $2"; }
need containerd containerd
need runc runc
need /usr/lib/cni/bridge containernetworking-plugins
need nft nftables
need iptables iptables
need ip iproute2
need nsenter util-linux
need conntrack conntrack
need kubectl kubernetes-client
# The example and test images are made from these packages' files.
need /bin/busybox busybox-static
[ "${1:-}" != test ] || need /usr/lib/python3/dist-packages/kubernetes python3-kubernetes

if [ -n "$missing" ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    # Simulated nodes need none of them; who asks for real ones is told again, and why.
    echo "k8ts: not installed, and needed for real containers:$missing (Debian: apt-get install$missing)" >&2
    exit 0
  fi
  echo "k8ts: installing Debian packages:$missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  # shellcheck disable=SC2086 # a list of words
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
