/**
 * The structs that Go's API server prints: its own, which are not those of the API. A line each, fields in order: `?` null where
 * absent, `!` a bool, `#` a number or a port, `%` a quantity, else a text; `~` left out where absent; `=` another name in the API;
 * `:` of another struct; `+` the fields of another one.
 */
export const goStructs = `
AWSElasticBlockStoreVolumeSource: VolumeID FSType Partition# ReadOnly!
Affinity: NodeAffinity?:NodeAffinity PodAffinity?:PodAffinity PodAntiAffinity?:PodAntiAffinity
AllocationResult: Devices:DeviceAllocationResult NodeSelector?:NodeSelector AllocationTimestamp?
AppArmorProfile: Type LocalhostProfile?
AuditAnnotation: Key ValueExpression
AzureDiskVolumeSource: DiskName DataDiskURI=diskURI CachingMode? FSType? ReadOnly? Kind?
AzureFilePersistentVolumeSource: SecretName ShareName ReadOnly! SecretNamespace?
AzureFileVolumeSource: SecretName ShareName ReadOnly!
CELDeviceSelector: Expression
CSINodeDriver: Name NodeID TopologyKeys? Allocatable?:VolumeNodeResources
CSIPersistentVolumeSource: Driver VolumeHandle ReadOnly! FSType VolumeAttributes? ControllerPublishSecretRef?:SecretReference NodeStageSecretRef?:SecretReference NodePublishSecretRef?:SecretReference ControllerExpandSecretRef?:SecretReference NodeExpandSecretRef?:SecretReference
CSIVolumeSource: Driver ReadOnly? FSType? VolumeAttributes? NodePublishSecretRef?:LocalObjectReference
Capabilities: Add? Drop?
CapacityRequirements: Requests?
CephFSPersistentVolumeSource: Monitors? Path User SecretFile SecretRef?:SecretReference ReadOnly!
CephFSVolumeSource: Monitors? Path User SecretFile SecretRef?:LocalObjectReference ReadOnly!
CertificateSigningRequestCondition: Type Status Reason Message LastUpdateTime? LastTransitionTime?
CinderPersistentVolumeSource: VolumeID FSType ReadOnly! SecretRef?:SecretReference
CinderVolumeSource: VolumeID FSType ReadOnly! SecretRef?:LocalObjectReference
ClusterTrustBundleProjection: Name? SignerName? LabelSelector?:LabelSelector Optional? Path
ConfigMapEnvSource: +LocalObjectReference Optional?
ConfigMapKeySelector: +LocalObjectReference Key Optional?
ConfigMapProjection: +LocalObjectReference Items?:KeyToPath Optional?
ConfigMapVolumeSource: +LocalObjectReference Items?:KeyToPath DefaultMode? Optional?
Container: Name Image Command? Args? WorkingDir Ports?:ContainerPort EnvFrom?:EnvFromSource Env?:EnvVar Resources:ResourceRequirements ResizePolicy?:ContainerResizePolicy RestartPolicy? RestartPolicyRules?:ContainerRestartRule VolumeMounts?:VolumeMount VolumeDevices?:VolumeDevice LivenessProbe?:Probe ReadinessProbe?:Probe StartupProbe?:Probe Lifecycle?:Lifecycle TerminationMessagePath TerminationMessagePolicy ImagePullPolicy SecurityContext?:SecurityContext Stdin! StdinOnce! TTY!
ContainerPort: Name HostPort# ContainerPort# Protocol HostIP
ContainerResizePolicy: ResourceName RestartPolicy
ContainerRestartRule: Action ExitCodes?:ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes: Operator Values?
DaemonSetUpdateStrategy: Type RollingUpdate?:RollingUpdateDaemonSet
DeploymentStrategy: Type RollingUpdate?:RollingUpdateDeployment
DeviceAllocationConfiguration: Source Requests? +DeviceConfiguration
DeviceAllocationResult: Results?:DeviceRequestAllocationResult Config?:DeviceAllocationConfiguration
DeviceAttribute: IntValue=int? BoolValue=bool? StringValue=string? VersionValue=version? IntValues=ints? BoolValues=bools? StringValues=strings? VersionValues=versions?
DeviceClaim: Requests?:DeviceRequest Constraints?:DeviceConstraint Config?:DeviceClaimConfiguration
DeviceClaimConfiguration: Requests? +DeviceConfiguration
DeviceConfiguration: Opaque?:OpaqueDeviceConfiguration
DeviceConstraint: Requests? MatchAttribute? DistinctAttribute?
DeviceRequest: Name Exactly?:ExactDeviceRequest FirstAvailable?:DeviceSubRequest
DeviceRequestAllocationResult: Request Driver Pool Device AdminAccess? Tolerations?:DeviceToleration BindingConditions? BindingFailureConditions? ShareID? ConsumedCapacity?
DeviceSelector: CEL?:CELDeviceSelector
DeviceSubRequest: Name DeviceClassName Selectors?:DeviceSelector AllocationMode Count# Tolerations?:DeviceToleration Capacity?:CapacityRequirements
DeviceToleration: Key Operator Value Effect TolerationSeconds?
DownwardAPIProjection: Items?:DownwardAPIVolumeFile
DownwardAPIVolumeFile: Path FieldRef?:ObjectFieldSelector ResourceFieldRef?:ResourceFieldSelector Mode?
DownwardAPIVolumeSource: Items?:DownwardAPIVolumeFile DefaultMode?
EmptyDirVolumeSource: Medium SizeLimit?
EnvFromSource: Prefix ConfigMapRef?:ConfigMapEnvSource SecretRef?:SecretEnvSource
EnvVar: Name Value ValueFrom?:EnvVarSource
EnvVarSource: FieldRef?:ObjectFieldSelector ResourceFieldRef?:ResourceFieldSelector ConfigMapKeyRef?:ConfigMapKeySelector SecretKeyRef?:SecretKeySelector FileKeyRef?:FileKeySelector
EphemeralContainer: +EphemeralContainerCommon TargetContainerName
EphemeralContainerCommon: Name Image Command? Args? WorkingDir Ports?:ContainerPort EnvFrom?:EnvFromSource Env?:EnvVar Resources:ResourceRequirements ResizePolicy?:ContainerResizePolicy RestartPolicy? RestartPolicyRules?:ContainerRestartRule VolumeMounts?:VolumeMount VolumeDevices?:VolumeDevice LivenessProbe?:Probe ReadinessProbe?:Probe StartupProbe?:Probe Lifecycle?:Lifecycle TerminationMessagePath TerminationMessagePolicy ImagePullPolicy SecurityContext?:SecurityContext Stdin! StdinOnce! TTY!
EphemeralVolumeSource: VolumeClaimTemplate?:PersistentVolumeClaimTemplate
EventSource: Component Host
ExactDeviceRequest: DeviceClassName Selectors?:DeviceSelector AllocationMode Count# AdminAccess? Tolerations?:DeviceToleration Capacity?:CapacityRequirements
ExecAction: Command?
ExemptPriorityLevelConfiguration: NominalConcurrencyShares? LendablePercent?
FCVolumeSource: TargetWWNs? Lun? FSType ReadOnly! WWIDs?
FileKeySelector: VolumeName Path Key Optional?
FlexPersistentVolumeSource: Driver FSType SecretRef?:SecretReference ReadOnly! Options?
FlexVolumeSource: Driver FSType SecretRef?:LocalObjectReference ReadOnly! Options?
FlockerVolumeSource: DatasetName DatasetUUID
FlowDistinguisherMethod: Type
FlowSchemaSpec: PriorityLevelConfiguration:PriorityLevelConfigurationReference MatchingPrecedence# DistinguisherMethod?:FlowDistinguisherMethod Rules?:PolicyRulesWithSubjects
GCEPersistentDiskVolumeSource: PDName FSType Partition# ReadOnly!
GRPCAction: Port# Service?
GitRepoVolumeSource: Repository Revision Directory
GlusterfsPersistentVolumeSource: EndpointsName=endpoints Path ReadOnly! EndpointsNamespace?
GlusterfsVolumeSource: EndpointsName=endpoints Path ReadOnly!
GroupSubject: Name
HTTPGetAction: Path Port# Host Scheme HTTPHeaders?:HTTPHeader
HTTPHeader: Name Value
HTTPIngressPath: Path PathType? Backend:IngressBackend
HTTPIngressRuleValue: Paths?:HTTPIngressPath
HostAlias: IP Hostnames?
HostPathVolumeSource: Path Type?
ISCSIPersistentVolumeSource: TargetPortal IQN Lun# ISCSIInterface FSType ReadOnly! Portals? DiscoveryCHAPAuth=chapAuthDiscovery! SessionCHAPAuth=chapAuthSession! SecretRef?:SecretReference InitiatorName?
ISCSIVolumeSource: TargetPortal IQN Lun# ISCSIInterface FSType ReadOnly! Portals? DiscoveryCHAPAuth=chapAuthDiscovery! SessionCHAPAuth=chapAuthSession! SecretRef?:LocalObjectReference InitiatorName?
ImageVolumeSource: Reference PullPolicy
IngressBackend: Service?:IngressServiceBackend Resource?:TypedLocalObjectReference
IngressRule: Host +IngressRuleValue
IngressRuleValue: HTTP?:HTTPIngressRuleValue
IngressServiceBackend: Name Port:ServiceBackendPort
KeyToPath: Key Path Mode?
LabelSelector: matchLabels~ matchExpressions~:LabelSelectorRequirement
LabelSelectorRequirement: key operator values~
Lifecycle: PostStart?:LifecycleHandler PreStop?:LifecycleHandler StopSignal?
LifecycleHandler: Exec?:ExecAction HTTPGet?:HTTPGetAction TCPSocket?:TCPSocketAction Sleep?:SleepAction
LimitResponse: Type Queuing?:QueuingConfiguration
LimitedPriorityLevelConfiguration: NominalConcurrencyShares? LimitResponse:LimitResponse LendablePercent? BorrowingLimitPercent?
LocalObjectReference: Name
LocalVolumeSource: Path FSType?
NFSVolumeSource: Server Path ReadOnly!
NodeAddress: Type Address
NodeAffinity: RequiredDuringSchedulingIgnoredDuringExecution?:NodeSelector PreferredDuringSchedulingIgnoredDuringExecution?:PreferredSchedulingTerm
NodeConfigSource: ConfigMap?
NodeSelector: NodeSelectorTerms?:NodeSelectorTerm
NodeSelectorRequirement: Key Operator Values?
NodeSelectorTerm: MatchExpressions?:NodeSelectorRequirement MatchFields?:NodeSelectorRequirement
NonResourcePolicyRule: Verbs? NonResourceURLs?
NonResourceAttributes: Path Verb
ObjectFieldSelector: APIVersion FieldPath
ObjectMeta: name~ generateName~ namespace~ labels~ annotations~ ownerReferences~ finalizers~
ObjectReference: Kind Namespace Name UID APIVersion ResourceVersion FieldPath
OpaqueDeviceConfiguration: Driver Parameters?
ParentReference: Group Resource Namespace Name
PersistentVolumeClaimSpec: AccessModes? Selector?:LabelSelector Resources:VolumeResourceRequirements VolumeName StorageClassName? VolumeMode? DataSource?:TypedLocalObjectReference DataSourceRef?:TypedObjectReference VolumeAttributesClassName?
PersistentVolumeClaimTemplate: +ObjectMeta Spec:PersistentVolumeClaimSpec
PersistentVolumeClaimVolumeSource: ClaimName ReadOnly!
PersistentVolumeSource: GCEPersistentDisk?:GCEPersistentDiskVolumeSource AWSElasticBlockStore?:AWSElasticBlockStoreVolumeSource HostPath?:HostPathVolumeSource Glusterfs?:GlusterfsPersistentVolumeSource NFS?:NFSVolumeSource RBD?:RBDPersistentVolumeSource Quobyte?:QuobyteVolumeSource ISCSI?:ISCSIPersistentVolumeSource FlexVolume?:FlexPersistentVolumeSource Cinder?:CinderPersistentVolumeSource CephFS?:CephFSPersistentVolumeSource FC?:FCVolumeSource Flocker?:FlockerVolumeSource AzureFile?:AzureFilePersistentVolumeSource VsphereVolume?:VsphereVirtualDiskVolumeSource AzureDisk?:AzureDiskVolumeSource PhotonPersistentDisk?:PhotonPersistentDiskVolumeSource PortworxVolume?:PortworxVolumeSource ScaleIO?:ScaleIOPersistentVolumeSource Local?:LocalVolumeSource StorageOS?:StorageOSPersistentVolumeSource CSI?:CSIPersistentVolumeSource
PersistentVolumeSpec: Capacity? +PersistentVolumeSource AccessModes? ClaimRef?:ObjectReference PersistentVolumeReclaimPolicy StorageClassName MountOptions? VolumeMode? NodeAffinity?:VolumeNodeAffinity VolumeAttributesClassName?
PhotonPersistentDiskVolumeSource: PdID FSType
PodAffinity: RequiredDuringSchedulingIgnoredDuringExecution?:PodAffinityTerm PreferredDuringSchedulingIgnoredDuringExecution?:WeightedPodAffinityTerm
PodAffinityTerm: LabelSelector?:LabelSelector Namespaces? TopologyKey NamespaceSelector?:LabelSelector MatchLabelKeys? MismatchLabelKeys?
PodAntiAffinity: RequiredDuringSchedulingIgnoredDuringExecution?:PodAffinityTerm PreferredDuringSchedulingIgnoredDuringExecution?:WeightedPodAffinityTerm
PodCertificateProjection: SignerName KeyType MaxExpirationSeconds? CredentialBundlePath KeyPath CertificateChainPath UserAnnotations?
PodDNSConfig: Nameservers? Searches? Options?:PodDNSConfigOption
PodDNSConfigOption: Name Value?
PodDisruptionBudgetSpec: MinAvailable? Selector?:LabelSelector MaxUnavailable? UnhealthyPodEvictionPolicy?
PodFailurePolicy: Rules?:PodFailurePolicyRule
PodFailurePolicyOnExitCodesRequirement: ContainerName? Operator Values?
PodFailurePolicyOnPodConditionsPattern: Type Status
PodFailurePolicyRule: Action OnExitCodes?:PodFailurePolicyOnExitCodesRequirement OnPodConditions?:PodFailurePolicyOnPodConditionsPattern
PodIP: IP
PodOS: Name
PodReadinessGate: ConditionType
PodResourceClaim: Name ResourceClaimName? ResourceClaimTemplateName?
PodSchedulingGate: Name
PodSchedulingGroup: PodGroupName?
PodSecurityContext: HostNetwork! HostPID! HostIPC! ShareProcessNamespace? HostUsers? SELinuxOptions?:SELinuxOptions WindowsOptions?:WindowsSecurityContextOptions RunAsUser? RunAsGroup? RunAsNonRoot? SupplementalGroups? SupplementalGroupsPolicy? FSGroup? FSGroupChangePolicy? Sysctls?:Sysctl SeccompProfile?:SeccompProfile AppArmorProfile?:AppArmorProfile SELinuxChangePolicy?
PodSpec: Volumes?:Volume InitContainers?:Container Containers?:Container EphemeralContainers?:EphemeralContainer RestartPolicy TerminationGracePeriodSeconds? ActiveDeadlineSeconds? DNSPolicy NodeSelector? ServiceAccountName AutomountServiceAccountToken? NodeName SecurityContext?:PodSecurityContext ImagePullSecrets?:LocalObjectReference Hostname Subdomain SetHostnameAsFQDN? Affinity?:Affinity SchedulerName Tolerations?:Toleration HostAliases?:HostAlias PriorityClassName Priority? PreemptionPolicy? DNSConfig?:PodDNSConfig ReadinessGates?:PodReadinessGate RuntimeClassName? Overhead? EnableServiceLinks? TopologySpreadConstraints?:TopologySpreadConstraint OS?:PodOS SchedulingGates?:PodSchedulingGate ResourceClaims?:PodResourceClaim Resources?:ResourceRequirements HostnameOverride? SchedulingGroup?:PodSchedulingGroup
PodTemplateSpec: +ObjectMeta Spec:PodSpec
PolicyRulesWithSubjects: Subjects?:Subject ResourceRules?:ResourcePolicyRule NonResourceRules?:NonResourcePolicyRule
PortworxVolumeSource: VolumeID FSType ReadOnly!
PreferredSchedulingTerm: Weight# Preference:NodeSelectorTerm
PriorityLevelConfigurationReference: Name
PriorityLevelConfigurationSpec: Type Limited?:LimitedPriorityLevelConfiguration Exempt?:ExemptPriorityLevelConfiguration
Probe: +ProbeHandler InitialDelaySeconds# TimeoutSeconds# PeriodSeconds# SuccessThreshold# FailureThreshold# TerminationGracePeriodSeconds?
ProbeHandler: Exec?:ExecAction HTTPGet?:HTTPGetAction TCPSocket?:TCPSocketAction GRPC?:GRPCAction
ProjectedVolumeSource: Sources?:VolumeProjection DefaultMode?
QueuingConfiguration: Queues# HandSize# QueueLengthLimit#
QuobyteVolumeSource: Registry Volume ReadOnly! User Group Tenant
RBDPersistentVolumeSource: CephMonitors=monitors? RBDImage=image FSType RBDPool=pool RadosUser=user Keyring SecretRef?:SecretReference ReadOnly!
RBDVolumeSource: CephMonitors=monitors? RBDImage=image FSType RBDPool=pool RadosUser=user Keyring SecretRef?:LocalObjectReference ReadOnly!
ResourceClaim: Name Request
ResourceClaimSpec: Devices:DeviceClaim
ResourceClaimTemplateSpec: +ObjectMeta Spec:ResourceClaimSpec
ResourceFieldSelector: ContainerName Resource Divisor%
ResourcePolicyRule: Verbs? APIGroups? Resources? ClusterScope! Namespaces?
ResourceRequirements: Limits? Requests? Claims?:ResourceClaim
RoleRef: APIGroup Kind Name
RollingUpdateDaemonSet: MaxUnavailable? MaxSurge?
RollingUpdateDeployment: MaxUnavailable? MaxSurge?
RollingUpdateStatefulSetStrategy: Partition? MaxUnavailable?
SELinuxOptions: User Role Type Level
ScaleIOPersistentVolumeSource: Gateway System SecretRef?:SecretReference SSLEnabled! ProtectionDomain StoragePool StorageMode VolumeName FSType ReadOnly!
ScaleIOVolumeSource: Gateway System SecretRef?:LocalObjectReference SSLEnabled! ProtectionDomain StoragePool StorageMode VolumeName FSType ReadOnly!
ScopeSelector: MatchExpressions?:ScopedResourceSelectorRequirement
ScopedResourceSelectorRequirement: ScopeName Operator Values?
SeccompProfile: Type LocalhostProfile?
SecretEnvSource: +LocalObjectReference Optional?
SecretKeySelector: +LocalObjectReference Key Optional?
SecretProjection: +LocalObjectReference Items?:KeyToPath Optional?
SecretReference: Name Namespace
SecretVolumeSource: SecretName Items?:KeyToPath DefaultMode? Optional?
SecurityContext: Capabilities?:Capabilities Privileged? SELinuxOptions?:SELinuxOptions WindowsOptions?:WindowsSecurityContextOptions RunAsUser? RunAsGroup? RunAsNonRoot? ReadOnlyRootFilesystem? AllowPrivilegeEscalation? ProcMount? SeccompProfile?:SeccompProfile AppArmorProfile?:AppArmorProfile
ServiceAccountSubject: Namespace Name
ServiceAccountTokenProjection: Audience ExpirationSeconds? Path
ServiceBackendPort: Name Number#
ServicePort: Name Protocol AppProtocol? Port# TargetPort# NodePort#
SleepAction: Seconds#
StatefulSetUpdateStrategy: Type RollingUpdate?:RollingUpdateStatefulSetStrategy
StorageOSPersistentVolumeSource: VolumeName VolumeNamespace FSType ReadOnly! SecretRef?:ObjectReference
StorageOSVolumeSource: VolumeName VolumeNamespace FSType ReadOnly! SecretRef?:LocalObjectReference
Subject: Kind User?:UserSubject Group?:GroupSubject ServiceAccount?:ServiceAccountSubject
SuccessPolicy: Rules?:SuccessPolicyRule
SuccessPolicyRule: SucceededIndexes? SucceededCount?
Sysctl: Name Value
TCPSocketAction: Port# Host
Taint: Key Value Effect TimeAdded?
Toleration: Key Operator Value Effect TolerationSeconds?
TopologySpreadConstraint: MaxSkew# TopologyKey WhenUnsatisfiable LabelSelector?:LabelSelector MinDomains? NodeAffinityPolicy? NodeTaintsPolicy? MatchLabelKeys?
TypedLocalObjectReference: APIGroup? Kind Name
TypedObjectReference: APIGroup? Kind Name Namespace?
UncountedTerminatedPods: Succeeded? Failed?
UserSubject: Name
Volume: Name +VolumeSource
VolumeAttachmentSource: PersistentVolumeName? InlineVolumeSpec?:PersistentVolumeSpec
VolumeAttachmentSpec: Attacher Source:VolumeAttachmentSource NodeName
VolumeDevice: Name DevicePath
VolumeMount: Name ReadOnly! RecursiveReadOnly? MountPath SubPath MountPropagation? SubPathExpr
VolumeNodeAffinity: Required?:NodeSelector
VolumeNodeResources: Count?
VolumeProjection: Secret?:SecretProjection DownwardAPI?:DownwardAPIProjection ConfigMap?:ConfigMapProjection ServiceAccountToken?:ServiceAccountTokenProjection ClusterTrustBundle?:ClusterTrustBundleProjection PodCertificate?:PodCertificateProjection
VolumeResourceRequirements: Limits? Requests?
VolumeSource: HostPath?:HostPathVolumeSource EmptyDir?:EmptyDirVolumeSource GCEPersistentDisk?:GCEPersistentDiskVolumeSource AWSElasticBlockStore?:AWSElasticBlockStoreVolumeSource GitRepo?:GitRepoVolumeSource Secret?:SecretVolumeSource NFS?:NFSVolumeSource ISCSI?:ISCSIVolumeSource Glusterfs?:GlusterfsVolumeSource PersistentVolumeClaim?:PersistentVolumeClaimVolumeSource RBD?:RBDVolumeSource Quobyte?:QuobyteVolumeSource FlexVolume?:FlexVolumeSource Cinder?:CinderVolumeSource CephFS?:CephFSVolumeSource Flocker?:FlockerVolumeSource DownwardAPI?:DownwardAPIVolumeSource FC?:FCVolumeSource AzureFile?:AzureFileVolumeSource ConfigMap?:ConfigMapVolumeSource VsphereVolume?:VsphereVirtualDiskVolumeSource AzureDisk?:AzureDiskVolumeSource PhotonPersistentDisk?:PhotonPersistentDiskVolumeSource Projected?:ProjectedVolumeSource PortworxVolume?:PortworxVolumeSource ScaleIO?:ScaleIOVolumeSource StorageOS?:StorageOSVolumeSource CSI?:CSIVolumeSource Ephemeral?:EphemeralVolumeSource Image?:ImageVolumeSource
VsphereVirtualDiskVolumeSource: VolumePath FSType StoragePolicyName StoragePolicyID
WeightedPodAffinityTerm: Weight# PodAffinityTerm:PodAffinityTerm
WindowsSecurityContextOptions: GMSACredentialSpecName? GMSACredentialSpec? RunAsUserName? HostProcess?
`;
