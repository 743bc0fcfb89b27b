/** Three lines of source, where the tree was named on the command line. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { type Excerpts, excerptAt, NO_EXCERPTS, type SourceLine } from "../excerpts.ts";

/** What the trees say; it comes after the first view. */
export const excerpts = signal<Excerpts>(NO_EXCERPTS);

interface ExcerptProps {
  readonly of: keyof Excerpts;
  /** Of the module or host. */
  readonly name: string;
  readonly place: SourceLine;
}

/** The lines around a place; nothing where they are not at hand. */
export function ExcerptLines({ of, name, place }: ExcerptProps): VNode | null {
  const found = excerptAt(excerpts.value[of], name, place);
  if (found === null) return null;
  return (
    <pre class="excerpt">
      {found.lines.map((text, i) => {
        const line = found.first + i;
        return (
          <code key={line} class={line === place.line ? "named" : undefined}>
            <span class="dim">{line} </span>
            {text}
            {"\n"}
          </code>
        );
      })}
    </pre>
  );
}
