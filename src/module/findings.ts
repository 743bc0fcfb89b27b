/** Turns what the analysis could not do, or wants to say, into the catalog's diagnostics. */

import { LIMITS } from "../c/index.ts";
import type { Diagnostic, Severity, Site } from "../catalog/index.ts";
import type { AtomicFinding } from "./atomics/index.ts";
import type { Trouble } from "./leaf-run.ts";
import type { RowTrouble } from "./row-context.ts";
import type { Finding } from "./soundness.ts";

type Kind =
  | Trouble["what"]
  | RowTrouble["what"]
  | Finding["what"]
  | AtomicFinding["what"]
  | "skipped-file"
  | "conditional"
  | "unterminated"
  | "cut-off"
  | "oversized"
  | "leaf"
  | "missing-table";

/** Code and severity of each kind; described in docs/diagnostics.md. */
const KINDS: Readonly<Record<Kind, readonly [code: string, severity: Severity]>> = {
  "skipped-file": ["SL1010", "error"],
  conditional: ["SL1011", "warning"],
  unterminated: ["SL1012", "warning"],
  "cut-off": ["SL1012", "error"],
  parse: ["SL1020", "error"],
  budget: ["SL1021", "error"],
  depth: ["SL1021", "error"],
  oversized: ["SL1026", "error"],
  "indirect-call": ["SL1022", "error"],
  "backward-goto": ["SL1023", "error"],
  "lock-object": ["SL1024", "error"],
  mode: ["SL1025", "error"],
  "no-success": ["SL1030", "error"],
  "not-released": ["SL1031", "error"],
  "leaked-on-error": ["SL1032", "warning"],
  "released-as": ["SL1035", "error"],
  "released-unheld": ["SL1036", "error"],
  untold: ["SL1037", "error"],
  "untold-try": ["SL1039", "warning"],
  "either-order": ["SL1038", "error"],
  unclassified: ["SL1033", "note"],
  "no-status": ["SL1034", "note"],
  unvisited: ["SL1040", "error"],
  "address-taken": ["SL1041", "error"],
  "unknown-lock-call": ["SL1042", "error"],
  "macro-hides-lock": ["SL1043", "error"],
  "atomic-unknown": ["SL1044", "error"],
  "accessor-unknown": ["SL1045", "error"],
  "primitive-unlike": ["SL1046", "error"],
  "lock-incomplete": ["SL1047", "error"],
  "unexplained-lock-function": ["SL1048", "error"],
  "unknown-walk": ["SL1049", "error"],
  leaf: ["SL1050", "error"],
  "missing-table": ["SL1051", "warning"],
  "macro-masks": ["SL1052", "error"],
  "two-definitions": ["SL1053", "error"],
  "unknown-of-shape": ["SL1055", "error"],
  "no-td-exit": ["SL1056", "error"],
  "missing-header": ["SL1057", "warning"],
};

/** A diagnostic of a kind, at a place when there is one. */
export function diagnostic(
  kind: Kind,
  message: string,
  site: (Pick<Site, "file"> & { readonly line?: number }) | null = null,
): Diagnostic {
  const [code, severity] = KINDS[kind];
  return { code, severity, message, file: site?.file ?? null, line: site?.line ?? null };
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

/** Errors first, then by place; each once. Of one code and severity only so many: then comes how many more there are. */
export function sortDiagnostics(list: readonly Diagnostic[]): Diagnostic[] {
  const kinds = new Map<string, Diagnostic[]>();
  for (const d of sorted(list)) {
    const kind = `${d.severity} ${d.code}`;
    const known = kinds.get(kind);
    if (known) known.push(d);
    else kinds.set(kind, [d]);
  }
  return [...kinds.values()].flatMap(shortened);
}

function shortened(alike: readonly Diagnostic[]): readonly Diagnostic[] {
  const [first] = alike;
  if (!first || alike.length <= LIMITS.diagnostics) return alike;
  const more = alike.length - LIMITS.diagnostics;
  const message = `${more} more diagnostics of this code are not listed`;
  return [
    ...alike.slice(0, LIMITS.diagnostics),
    { code: first.code, severity: first.severity, message, file: null, line: null },
  ];
}

function sorted(list: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Set<string>();
  return [...list]
    .filter((d) => {
      const key = `${d.code}|${d.message}|${d.file}|${d.line}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort(
      (a, b) =>
        RANK[a.severity] - RANK[b.severity] ||
        compare(a.code, b.code) ||
        compare(a.file ?? "", b.file ?? "") ||
        (a.line ?? 0) - (b.line ?? 0) ||
        compare(a.message, b.message),
    );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
