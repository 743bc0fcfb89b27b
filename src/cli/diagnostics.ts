import type { Catalog, Diagnostic } from "../catalog/index.ts";
import { EXIT, type ExitStatus, type Io } from "./io.ts";
import { printable } from "./printable.ts";

/**
 * Prints what an extraction had to say: errors and warnings in full, notes as a count unless `all`.
 *
 * @param of a catalog, or what else carries diagnostics
 * @param calls the calls that the output is about; notes in the files of other calls' handlers are not counted
 */
export function printDiagnostics(
  of: Pick<Catalog, "diagnostics"> & Partial<Pick<Catalog, "leaves">>,
  io: Io,
  all: boolean,
  calls?: ReadonlySet<string>,
): void {
  const shown = of.diagnostics.filter((diagnostic) => all || diagnostic.severity !== "note");
  for (const diagnostic of shown) io.err(diagnosticText(diagnostic));
  const others = new Set(
    (of.leaves ?? []).filter(({ name }) => calls?.has(name) === false).map(({ handler }) => handler.file),
  );
  const hidden = of.diagnostics.filter((d) => !shown.includes(d) && !others.has(d.file ?? "")).length;
  if (hidden > 0) io.err(`${hidden} ${hidden === 1 ? "note" : "notes"} not shown; --verbose shows them\n`);
}

function diagnosticText({ code, severity, message, file, line }: Diagnostic): string {
  const place = file === null ? "" : `  --> ${file}${line === null ? "" : `:${line}`}\n`;
  return printable(`${severity}[${code}]: ${message}\n${place}`);
}

/** Facts with a hole in them are inconclusive. */
export function exitStatusOf(catalog: Catalog): ExitStatus {
  return catalog.diagnostics.some((diagnostic) => diagnostic.severity === "error") ? EXIT.inconclusive : EXIT.done;
}
