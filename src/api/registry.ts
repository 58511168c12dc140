/** Every kind of v1.36's stable APIs. Loaded at startup: definitions are records, built without work. */
import {
  mutatingAdmissionPolicyBindingDefinition,
  mutatingAdmissionPolicyDefinition,
  validatingAdmissionPolicyBindingDefinition,
  validatingAdmissionPolicyDefinition,
} from "./admissionregistration/admission-policy.ts";
import {
  mutatingWebhookConfigurationDefinition,
  validatingWebhookConfigurationDefinition,
} from "./admissionregistration/webhook-configuration.ts";
import { customResourceDefinitionDefinition } from "./apiextensions/custom-resource-definition.ts";
import { apiServiceDefinition } from "./apiregistration/api-service.ts";
import { controllerRevisionDefinition } from "./apps/controller-revision.ts";
import { daemonSetDefinition } from "./apps/daemon-set.ts";
import { deploymentDefinition } from "./apps/deployment.ts";
import { replicaSetDefinition } from "./apps/replica-set.ts";
import { statefulSetDefinition } from "./apps/stateful-set.ts";
import { selfSubjectReviewDefinition, tokenReviewDefinition } from "./authentication/reviews.ts";
import {
  localSubjectAccessReviewDefinition,
  selfSubjectAccessReviewDefinition,
  selfSubjectRulesReviewDefinition,
  subjectAccessReviewDefinition,
} from "./authorization/reviews.ts";
import { horizontalPodAutoscalerDefinition } from "./autoscaling/horizontal-pod-autoscaler.ts";
import { cronJobDefinition } from "./batch/cron-job.ts";
import { jobDefinition } from "./batch/job.ts";
import { certificateSigningRequestDefinition } from "./certificates/certificate-signing-request.ts";
import { leaseDefinition } from "./coordination/lease.ts";
import { bindingDefinition } from "./core/binding.ts";
import { componentStatusDefinition } from "./core/component-status.ts";
import { configMapDefinition } from "./core/config-map.ts";
import { endpointsDefinition } from "./core/endpoints.ts";
import { eventDefinition } from "./core/event.ts";
import { limitRangeDefinition } from "./core/limit-range.ts";
import { namespaceDefinition } from "./core/namespace.ts";
import { nodeDefinition } from "./core/node.ts";
import { persistentVolumeDefinition } from "./core/persistent-volume.ts";
import { persistentVolumeClaimDefinition } from "./core/persistent-volume-claim.ts";
import { podDefinition } from "./core/pod.ts";
import { podTemplateDefinition } from "./core/pod-template.ts";
import { replicationControllerDefinition } from "./core/replication-controller.ts";
import { resourceQuotaDefinition } from "./core/resource-quota.ts";
import { secretDefinition } from "./core/secret.ts";
import { serviceDefinition } from "./core/service.ts";
import { serviceAccountDefinition } from "./core/service-account.ts";
import { eraseType } from "./define.ts";
import type { ResourceDefinition } from "./definition.ts";
import { endpointSliceDefinition } from "./discovery/endpoint-slice.ts";
import { eventV1Definition } from "./events/event.ts";
import { flowSchemaDefinition } from "./flowcontrol/flow-schema.ts";
import { priorityLevelConfigurationDefinition } from "./flowcontrol/priority-level-configuration.ts";
import { ingressDefinition } from "./networking/ingress.ts";
import { ingressClassDefinition } from "./networking/ingress-class.ts";
import { ipAddressDefinition } from "./networking/ip-address.ts";
import { networkPolicyDefinition } from "./networking/network-policy.ts";
import { serviceCidrDefinition } from "./networking/service-cidr.ts";
import { runtimeClassDefinition } from "./node/runtime-class.ts";
import { podDisruptionBudgetDefinition } from "./policy/pod-disruption-budget.ts";
import { clusterRoleDefinition, roleDefinition } from "./rbac/role.ts";
import { clusterRoleBindingDefinition, roleBindingDefinition } from "./rbac/role-binding.ts";
import {
  deviceClassDefinition,
  resourceClaimDefinition,
  resourceClaimTemplateDefinition,
  resourceSliceDefinition,
} from "./resource/resource.ts";
import { priorityClassDefinition } from "./scheduling/priority-class.ts";
import { csiDriverDefinition, csiNodeDefinition, csiStorageCapacityDefinition } from "./storage/csi.ts";
import { storageClassDefinition, volumeAttributesClassDefinition } from "./storage/storage-class.ts";
import { volumeAttachmentDefinition } from "./storage/volume-attachment.ts";

export const builtInDefinitions: readonly ResourceDefinition[] = [
  eraseType(bindingDefinition),
  eraseType(componentStatusDefinition),
  eraseType(configMapDefinition),
  eraseType(endpointsDefinition),
  eraseType(eventDefinition),
  eraseType(limitRangeDefinition),
  eraseType(namespaceDefinition),
  eraseType(nodeDefinition),
  eraseType(persistentVolumeDefinition),
  eraseType(persistentVolumeClaimDefinition),
  eraseType(podDefinition),
  eraseType(podTemplateDefinition),
  eraseType(replicationControllerDefinition),
  eraseType(resourceQuotaDefinition),
  eraseType(secretDefinition),
  eraseType(serviceDefinition),
  eraseType(serviceAccountDefinition),
  eraseType(controllerRevisionDefinition),
  eraseType(daemonSetDefinition),
  eraseType(deploymentDefinition),
  eraseType(replicaSetDefinition),
  eraseType(statefulSetDefinition),
  eraseType(cronJobDefinition),
  eraseType(jobDefinition),
  eraseType(horizontalPodAutoscalerDefinition),
  eraseType(podDisruptionBudgetDefinition),
  eraseType(ingressDefinition),
  eraseType(ingressClassDefinition),
  eraseType(ipAddressDefinition),
  eraseType(networkPolicyDefinition),
  eraseType(serviceCidrDefinition),
  eraseType(endpointSliceDefinition),
  eraseType(eventV1Definition),
  eraseType(leaseDefinition),
  eraseType(roleDefinition),
  eraseType(clusterRoleDefinition),
  eraseType(roleBindingDefinition),
  eraseType(clusterRoleBindingDefinition),
  eraseType(csiDriverDefinition),
  eraseType(csiNodeDefinition),
  eraseType(csiStorageCapacityDefinition),
  eraseType(storageClassDefinition),
  eraseType(volumeAttributesClassDefinition),
  eraseType(volumeAttachmentDefinition),
  eraseType(priorityClassDefinition),
  eraseType(runtimeClassDefinition),
  eraseType(certificateSigningRequestDefinition),
  eraseType(tokenReviewDefinition),
  eraseType(selfSubjectReviewDefinition),
  eraseType(subjectAccessReviewDefinition),
  eraseType(localSubjectAccessReviewDefinition),
  eraseType(selfSubjectAccessReviewDefinition),
  eraseType(selfSubjectRulesReviewDefinition),
  eraseType(validatingAdmissionPolicyDefinition),
  eraseType(validatingAdmissionPolicyBindingDefinition),
  eraseType(mutatingAdmissionPolicyDefinition),
  eraseType(mutatingAdmissionPolicyBindingDefinition),
  eraseType(mutatingWebhookConfigurationDefinition),
  eraseType(validatingWebhookConfigurationDefinition),
  eraseType(customResourceDefinitionDefinition),
  eraseType(apiServiceDefinition),
  eraseType(flowSchemaDefinition),
  eraseType(priorityLevelConfigurationDefinition),
  eraseType(deviceClassDefinition),
  eraseType(resourceClaimDefinition),
  eraseType(resourceClaimTemplateDefinition),
  eraseType(resourceSliceDefinition),
];
