import { fillAbsent } from "../fill.ts";
import type { HorizontalPodAutoscaler, HPAScalingRules } from "./types.generated.ts";

/** Percent of the requested CPU that is aimed at where no metric is named. */
const defaultCpuUtilization = 80;

const scaleUp: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
};

// No stabilization window: the controller's own setting counts.
const scaleDown: HPAScalingRules = {
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
};

export function defaultAutoscaler(object: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const given = fillAbsent(object.spec ?? {}, { minReplicas: 1 });
  const metrics =
    (given.metrics ?? []).length > 0
      ? given.metrics
      : [
          {
            type: "Resource",
            resource: {
              name: "cpu",
              target: { type: "Utilization", averageUtilization: defaultCpuUtilization },
            },
          },
        ];
  const behavior =
    given.behavior === undefined
      ? undefined
      : {
          scaleUp: fillAbsent(given.behavior.scaleUp ?? {}, scaleUp),
          scaleDown: fillAbsent(given.behavior.scaleDown ?? {}, scaleDown),
        };
  const spec = {
    ...given,
    ...(metrics === undefined ? {} : { metrics }),
    ...(behavior === undefined ? {} : { behavior }),
  };
  return { ...object, spec, status: object.status ?? { desiredReplicas: 0 } };
}
