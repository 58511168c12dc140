import type {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  Subject,
} from "../../api/rbac/types.generated.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "../../api/resources.generated.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { InformerFactory } from "../../client/informer.ts";

/** Where the RBAC authorizer reads roles and bindings. Look-ups by subject: a request sees only its own bindings. */
export interface RbacSource {
  /** `subject` is one of `subjectKeysOf(user)`. */
  clusterRoleBindings(subject: string): readonly ClusterRoleBinding[];
  roleBindings(namespace: string, subject: string): readonly RoleBinding[];
  clusterRole(name: string): ClusterRole | undefined;
  role(namespace: string, name: string): Role | undefined;
  readonly hasSynced: boolean;
}

/** Under which keys bindings that apply to this user are found. */
export function subjectKeysOf(user: UserInfo): string[] {
  return [`User/${user.name}`, ...user.groups.map((group) => `Group/${group}`)];
}

const serviceAccountPrefix = "system:serviceaccount:";

/** The keys of a binding's subjects; a service account is found as the user it acts as. */
function keysOfSubjects(subjects: readonly Subject[] | undefined, namespace: string): string[] {
  return (subjects ?? []).flatMap((subject) => {
    if (subject.kind !== "ServiceAccount") return [`${subject.kind}/${subject.name}`];
    const accountNamespace = subject.namespace || namespace;
    return accountNamespace === "" ? [] : [`User/${serviceAccountPrefix}${accountNamespace}:${subject.name}`];
  });
}

/** The subject of a binding that these keys point to, for messages. */
export function matchingSubject(
  subjects: readonly Subject[] | undefined,
  namespace: string,
  keys: readonly string[],
): Subject | undefined {
  return subjects?.find((subject) => keysOfSubjects([subject], namespace).some((key) => keys.includes(key)));
}

const bySubject = "rbac-subject";

/** Reads from shared informers, which index bindings by subject. */
export function informerRbacSource(informers: InformerFactory): RbacSource {
  const clusterBindings = informers.informer(clusterRoleBindings);
  const bindings = informers.informer(roleBindings);
  const clusterRoleInformer = informers.informer(clusterRoles);
  const roleInformer = informers.informer(roles);
  clusterBindings.addIndex(bySubject, (binding) => keysOfSubjects(binding.subjects, ""));
  bindings.addIndex(bySubject, (binding) => {
    const namespace = binding.metadata.namespace ?? "";
    return keysOfSubjects(binding.subjects, namespace).map((key) => `${namespace}|${key}`);
  });
  const all = [clusterBindings, bindings, clusterRoleInformer, roleInformer];
  return {
    clusterRoleBindings: (subject) => clusterBindings.lister.byIndex(bySubject, subject),
    roleBindings: (namespace, subject) => bindings.lister.byIndex(bySubject, `${namespace}|${subject}`),
    clusterRole: (name) => clusterRoleInformer.lister.get(name),
    role: (namespace, name) => roleInformer.lister.get(`${namespace}/${name}`),
    get hasSynced() {
      return all.every((informer) => informer.hasSynced);
    },
  };
}
