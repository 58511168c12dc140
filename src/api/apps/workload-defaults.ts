/** What workloads have that their authors left out (upstream's SetDefaults functions of apps/v1). */
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import { defaultClaim } from "../core/volume-defaults.ts";
import { dropField, fillAbsent, fillEmpty, mapField, mapItems } from "../fill.ts";
import type {
  DaemonSet,
  DaemonSetUpdateStrategy,
  Deployment,
  DeploymentStrategy,
  ReplicaSet,
  StatefulSet,
  StatefulSetUpdateStrategy,
} from "./types.generated.ts";

export function defaultDeployment(object: Deployment): Deployment {
  const spec = fillAbsent(object.spec ?? {}, {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
  });
  const strategy = defaultDeploymentStrategy(spec.strategy ?? {});
  const template = defaultPodTemplate(spec.template);
  return { ...object, spec: { ...spec, strategy, template }, status: object.status ?? {} };
}

function defaultDeploymentStrategy(given: DeploymentStrategy): DeploymentStrategy {
  const strategy = fillEmpty(given, { type: "RollingUpdate" });
  if (strategy.type !== "RollingUpdate") return strategy;
  const rollingUpdate = fillAbsent(strategy.rollingUpdate ?? {}, { maxUnavailable: "25%", maxSurge: "25%" });
  return { ...strategy, rollingUpdate };
}

export function defaultReplicaSet(object: ReplicaSet): ReplicaSet {
  const spec = fillAbsent(object.spec ?? {}, { replicas: 1 });
  const template = defaultPodTemplate(spec.template);
  return { ...object, spec: { ...spec, template }, status: object.status ?? { replicas: 0 } };
}

export function defaultDaemonSet(object: DaemonSet): DaemonSet {
  const spec = fillAbsent(object.spec ?? {}, { revisionHistoryLimit: 10 });
  const updateStrategy = defaultDaemonSetStrategy(spec.updateStrategy ?? {});
  const template = defaultPodTemplate(spec.template);
  const status = object.status ?? {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  };
  return { ...object, spec: { ...spec, updateStrategy, template }, status };
}

function defaultDaemonSetStrategy(given: DaemonSetUpdateStrategy): DaemonSetUpdateStrategy {
  const strategy = fillEmpty(given, { type: "RollingUpdate" });
  if (strategy.type !== "RollingUpdate") return strategy;
  const rollingUpdate = fillAbsent(strategy.rollingUpdate ?? {}, { maxUnavailable: 1, maxSurge: 0 });
  return { ...strategy, rollingUpdate };
}

export function defaultStatefulSet(object: StatefulSet): StatefulSet {
  const given = object.spec ?? {};
  const spec = fillEmpty(fillAbsent(given, { replicas: 1, revisionHistoryLimit: 10 }), {
    podManagementPolicy: "OrderedReady",
  });
  const filled = {
    ...spec,
    updateStrategy: defaultStatefulSetStrategy(spec.updateStrategy ?? {}),
    persistentVolumeClaimRetentionPolicy: fillEmpty(spec.persistentVolumeClaimRetentionPolicy ?? {}, {
      whenDeleted: "Retain",
      whenScaled: "Retain",
    }),
    template: defaultPodTemplate(spec.template),
  };
  const withClaims = mapField(filled, "volumeClaimTemplates", (claims) =>
    mapItems(claims, (claim) => ({
      ...defaultClaim(claim),
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
    })),
  );
  return {
    ...object,
    spec: withClaims,
    status: fillAbsent(object.status ?? { replicas: 0 }, { availableReplicas: 0 }),
  };
}

function defaultStatefulSetStrategy(given: StatefulSetUpdateStrategy): StatefulSetUpdateStrategy {
  const strategy: StatefulSetUpdateStrategy = given.type
    ? given
    : { ...given, type: "RollingUpdate", rollingUpdate: given.rollingUpdate ?? {} };
  if (strategy.type !== "RollingUpdate") return strategy;
  // More than one at a time is behind a gate that is off.
  return mapField(strategy, "rollingUpdate", (update) =>
    fillAbsent(dropField(update, "maxUnavailable"), { partition: 0 }),
  );
}
