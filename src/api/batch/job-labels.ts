/** Labels that every pod of a job carries; those marked legacy are the names of the first versions. */
export const jobLabels = {
  controllerUid: "batch.kubernetes.io/controller-uid",
  legacyControllerUid: "controller-uid",
  jobName: "batch.kubernetes.io/job-name",
  legacyJobName: "job-name",
  completionIndex: "batch.kubernetes.io/job-completion-index",
} as const;
