/** Why two calls do not meet, in words. */
import type { Exclusion } from "../../analysis/index.ts";
import { reasonText } from "../../report/index.ts";

/** `host lock kvm->mmu_lock`, `no OP_STATE allows both`. */
export function exclusionText(exclusion: Exclusion): string {
  const text = reasonText(exclusion);
  return exclusion.kind === "host-lock" ? `host lock ${text}` : text;
}

/** All reasons, each once. */
export function exclusionTexts(exclusions: readonly Exclusion[]): string[] {
  return [...new Set(exclusions.map(exclusionText))];
}
