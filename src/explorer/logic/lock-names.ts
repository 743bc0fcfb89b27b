/** Both names of a lock: the project's, and the one that people search for. */
import { lockNameOf } from "../../report/index.ts";

/** `TDCS_EPOCH (epoch_lock)`; a lock without another name keeps its own. */
export function bothNames(resource: string): string {
  const other = lockNameOf(resource);
  return other === null || other === resource ? resource : `${resource} (${other})`;
}
