/** What an extraction did not understand: every view rests on it, so it stands above all of them. */
import type { VNode } from "preact";
import type { Diagnostic } from "../../catalog/index.ts";
import { Breakable } from "./parts.tsx";

interface DiagnosticsProps {
  /** Whose facts they are: a module or a host, by its name. */
  readonly of: string;
  readonly all: readonly Diagnostic[];
  /** What makes a hole: of a module an error, of a host a warning, too. */
  readonly isHole: (diagnostic: Diagnostic) => boolean;
}

/** How many errors and warnings there are, each opening beneath, and whether the facts have holes; null where there are only notes. */
export function Diagnostics({ of, all, isHole }: DiagnosticsProps): VNode | null {
  const counts = (["error", "warning"] as const).flatMap((severity) => {
    const n = all.filter((one) => one.severity === severity).length;
    return n === 0 ? [] : [`${n} ${severity}${n === 1 ? "" : "s"}`];
  });
  if (counts.length === 0) return null;
  const hasHoles = all.some(isHole);
  return (
    <details class={`diagnostics${hasHoles ? " notice" : ""}`}>
      <summary>
        {hasHoles ? "⚠ " : ""}
        {counts.join(", ")}
        {hasHoles ? `: the facts of ${of} have holes` : ` about ${of}`}
      </summary>
      <ul class="tight">
        {all.map(({ code, severity, message, file, line }) => (
          <li key={`${code} ${file} ${line} ${message}`}>
            {severity} {code}: <Breakable text={message} />
            {file === null ? null : (
              <>
                {" "}
                <code>
                  <Breakable text={`${file === "" ? "." : file}${line === null ? "" : `:${line}`}`} />
                </code>
              </>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
