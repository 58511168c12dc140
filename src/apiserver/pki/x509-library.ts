/** The X.509 library: made when a certificate is, so that a start that finds its certificates on disk never loads it. */
export type X509Library = typeof import("@peculiar/x509");

let loading: Promise<X509Library> | undefined;

export function loadX509(): Promise<X509Library> {
  loading ??= load();
  return loading;
}

async function load(): Promise<X509Library> {
  // The library's dependency injection refuses to load without it.
  await import("reflect-metadata");
  return import("@peculiar/x509");
}
