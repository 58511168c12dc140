/** The Kubernetes version whose behaviour this is. */
export const kubernetesVersion = "v1.36.0";

/** What nodes report. */
export const kubeletVersion = `${kubernetesVersion}+k8ts`;
