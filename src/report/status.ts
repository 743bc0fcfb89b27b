/** Statuses in words. */
import { type Catalog, decodeStatus } from "../catalog/index.ts";
import { operandName } from "./glossary.ts";

/** `TDX_OPERAND_BUSY | SEPT`, the operand as KVM compares it; the number of a status that the module does not have. */
export function shortStatus(catalog: Catalog, status: string): string {
  const { name, operand, status: hex } = decodeStatus(catalog, status);
  if (name === null) return hex;
  return operand === null ? name : `${name} | ${operandName(operand.id)}`;
}

/** `BUSY | SEPT`, `BUSY_HOST_PRIORITY`, where it is of busy locks anyway; other statuses by their names. A model of a lock alone has names already. */
export function busyStatus(catalog: Catalog, status: string): string {
  const name = status.startsWith("0x") ? shortStatus(catalog, status) : status;
  return name.replace(/^TDX_OPERAND_(?=BUSY)/, "");
}

/** What a step that was refused is told to have found: `BUSY | SEPT`; the number where the module's facts are not at hand. */
export function refusalWords(catalog: Catalog | null, status: string | null): string {
  if (status === null) return "BUSY";
  return catalog === null ? `BUSY ${status}` : busyStatus(catalog, status);
}
