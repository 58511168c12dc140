import type { AnyObject } from "../../apimachinery/meta.ts";
import type { TestServer } from "../test-support/server.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

export interface KindOptions {
  readonly plural: string;
  readonly kind: string;
  readonly schema?: object;
  readonly subresources?: object;
  readonly columns?: readonly object[];
  readonly scope?: "Namespaced" | "Cluster";
  /** Instead of the one version v1. */
  readonly versions?: readonly object[];
  readonly names?: object;
  readonly conversion?: object;
}

export function kindPath(plural: string, version = "v1"): string {
  return `/apis/example.com/${version}/namespaces/default/${plural}`;
}

export function definitionBody(options: KindOptions): AnyObject {
  const { plural, kind, schema, subresources, columns, scope = "Namespaced" } = options;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      scope,
      names: { plural, kind, ...options.names },
      ...(options.conversion === undefined ? {} : { conversion: options.conversion }),
      versions: options.versions ?? [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: schema ?? { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          },
          ...(subresources === undefined ? {} : { subresources }),
          ...(columns === undefined ? {} : { additionalPrinterColumns: columns }),
        },
      ],
    },
  };
}

/** Creates the definition and waits until its objects are served. */
export async function defineKind(server: TestServer, options: KindOptions): Promise<AnyObject> {
  await server.ok("POST", definitions, { body: definitionBody(options) });
  return until(server, `${options.plural}.example.com`, ({ conditions }) =>
    conditions.some(({ type, status }) => type === "Established" && status === "True"),
  );
}

interface DefinitionStatus {
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
}

/** Waits until the status of a definition is as wanted. */
export async function until(
  server: TestServer,
  name: string,
  wanted: (status: DefinitionStatus) => boolean,
): Promise<AnyObject> {
  const watch = await server.watch(definitions, { fieldSelector: `metadata.name=${name}` });
  try {
    for (;;) {
      const event = await watch.next();
      if (event === undefined) throw new Error(`the watch of ${name} ended`);
      const object = event.object as AnyObject; // definitions only
      // No conditions yet are a null.
      const status = (object.status ?? {}) as {
        readonly [Name in keyof DefinitionStatus]?: DefinitionStatus[Name] | null;
      };
      if (event.type !== "DELETED" && wanted({ conditions: status.conditions ?? [] })) return object;
    }
  } finally {
    watch.close();
  }
}

/** Deletes a definition and waits until it is gone. */
export async function deleteKind(server: TestServer, plural: string): Promise<void> {
  const name = `${plural}.example.com`;
  const watch = await server.watch(definitions, { fieldSelector: `metadata.name=${name}` });
  await server.ok("DELETE", `${definitions}/${name}`);
  for (;;) {
    const event = await watch.next();
    if (event === undefined || event.type === "DELETED") break;
  }
  watch.close();
}
