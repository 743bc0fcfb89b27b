import type { Catalog, Diagnostic } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import { EXIT, type ExitStatus, type Io } from "./io.ts";

type Diagnosed = Pick<Catalog, "diagnostics"> & Partial<Pick<Catalog, "leaves">>;

/**
 * Prints what an extraction had to say: errors and warnings in full, notes as a count unless `all`.
 *
 * @param of a catalog, or what else carries diagnostics; or several, whose notes are counted together
 * @param calls the calls that the output is about; notes in the files of other calls' handlers are not counted
 */
export function printDiagnostics(
  of: Diagnosed | readonly Diagnosed[],
  io: Io,
  all: boolean,
  calls?: ReadonlySet<string>,
): void {
  let hidden = 0;
  for (const { diagnostics, leaves = [] } of [of].flat() as readonly Diagnosed[]) {
    const shown = diagnostics.filter((diagnostic) => all || diagnostic.severity !== "note");
    for (const diagnostic of shown) io.err(diagnosticText(diagnostic));
    const others = new Set(leaves.filter(({ name }) => calls?.has(name) === false).map(({ handler }) => handler.file));
    hidden += diagnostics.filter((d) => !shown.includes(d) && !others.has(d.file ?? "")).length;
  }
  if (hidden > 0) io.err(`${hidden} ${hidden === 1 ? "note" : "notes"} not shown; --verbose shows them\n`);
}

function diagnosticText({ code, severity, message, file, line }: Diagnostic): string {
  // The root of a tree has no name within it.
  const place = file === null ? "" : `  --> ${file === "" ? "." : file}${line === null ? "" : `:${line}`}\n`;
  return `${severity}[${code}]: ${message}\n${place}`;
}

/** All that an extraction had to say of a kernel tree; nothing of a profile that was written by hand. */
export const diagnosticsIn = (host: HostProfile): Diagnosed => ({
  diagnostics: [...(host.extracted?.diagnostics ?? [])],
});

/** What stayed unresolved in a host that was extracted from a kernel tree: each may hide a call, a lock or a reaction. */
export function unresolvedIn(...hosts: readonly (HostProfile | null | undefined)[]): Diagnosed {
  const all = hosts.flatMap((host) => host?.extracted?.diagnostics ?? []);
  return { diagnostics: all.filter(({ severity }) => severity !== "note") };
}

/** Facts with a hole in them are inconclusive. */
export function exitStatusOf(catalog: Catalog, ...hosts: readonly (HostProfile | null | undefined)[]): ExitStatus {
  const isOpen = catalog.diagnostics.some(({ severity }) => severity === "error");
  return isOpen || unresolvedIn(...hosts).diagnostics.length > 0 ? EXIT.inconclusive : EXIT.done;
}
