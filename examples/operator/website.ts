import type { apiextensions, Condition, KubeObject, ResourceType } from "k8ts/client";

/** A web site: so many copies of an image behind one address. */
export interface Website extends KubeObject {
  readonly spec: { readonly image: string; readonly replicas?: number };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly address?: string;
    readonly conditions?: readonly Condition[];
  };
}

export const websites: ResourceType<Website> = {
  group: "example.com",
  version: "v1",
  resource: "websites",
  kind: "Website",
  namespaced: true,
};

const schema: apiextensions.JSONSchemaProps = {
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["image"],
      properties: {
        image: { type: "string", minLength: 1 },
        replicas: { type: "integer", minimum: 0, default: 1 },
      },
    },
    status: {
      type: "object",
      properties: {
        readyReplicas: { type: "integer" },
        address: { type: "string" },
        conditions: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["type"],
          items: {
            type: "object",
            required: ["type", "status", "reason", "message", "lastTransitionTime"],
            properties: {
              type: { type: "string" },
              status: { type: "string", enum: ["True", "False", "Unknown"] },
              reason: { type: "string" },
              message: { type: "string" },
              lastTransitionTime: { type: "string", format: "date-time" },
              observedGeneration: { type: "integer" },
            },
          },
        },
      },
    },
  },
};

export const websiteDefinition = {
  metadata: { name: "websites.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { kind: "Website", plural: "websites", singular: "website", shortNames: ["site"] },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: "Replicas", type: "integer", jsonPath: ".status.readyReplicas" },
          { name: "Address", type: "string", jsonPath: ".status.address" },
        ],
      },
    ],
  },
} as const;
