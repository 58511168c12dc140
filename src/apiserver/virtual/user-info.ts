import type { UserInfo as ApiUserInfo } from "../../api/authentication/types.generated.ts";
import type { UserInfo } from "../../client/exchange.ts";

/** A user as the API shows it. */
export function apiUserInfo(user: UserInfo): ApiUserInfo {
  return {
    username: user.name,
    ...(user.uid === undefined || user.uid === "" ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
}
