/** How the entry's own functions call the values that they work with: what its variables and members hold. */

import type { Lvalue } from "./engine.ts";
import type { Location, Sym, Value } from "./values.ts";

/** A text of a value, and what the entry calls it. */
export type ShortText = readonly [long: string, short: string];

export interface ValueNames {
  /**
   * Texts of values and the entry's variable that holds them, where that variable never holds another; longest first.
   *
   * @param exact without texts that two values share, as those of two calls of one function can
   */
  shortTexts(exact: boolean): readonly ShortText[];
  /** How the entry writes a member of what it keeps a pointer to that a callee has mapped; null where it keeps none, or several there. */
  inOwnTerms(value: Sym): string | null;
  /** The entry's variable that holds the value of an identity, or null. */
  variableOf(id: string): string | null;
}

export class NamesSeen implements ValueNames {
  /** By the identity of a value: the entry's variable that holds it, and how deep in the entry's file. */
  private readonly variables = new Map<string, { readonly name: string; readonly depth: number }>();
  /** By the identity of a mapped pointer: where the entry keeps it; and what it keeps there. */
  private readonly mappedAt = new Map<string, string>();
  private readonly mappedIn = new Map<string, Set<string>>();
  /** By the text of a value: the entry's variable that holds it; without an identity where several have the text. */
  private readonly byText = new Map<string, { readonly variable: string; readonly id: string | null }>();
  private readonly textsOf = new Map<string, Set<string>>();

  /**
   * A variable or member of the entry's own holds a value.
   *
   * @param isOwn is a location one of the entry's own functions'?
   */
  note(value: Value, { text: variable }: Lvalue, depth: number, isOwn: (at: Location) => boolean): void {
    if (value.t !== "sym") return;
    if (value.origin?.how === "mapping") {
      if (!this.mappedAt.has(value.id)) this.mappedAt.set(value.id, variable);
      this.mappedIn.set(variable, (this.mappedIn.get(variable) ?? new Set<string>()).add(value.id));
    }
    const known = this.variables.get(value.id);
    const isBetter =
      known === undefined || depth < known.depth || (depth === known.depth && variable.length < known.name.length);
    if (/^\w+(\[\d+\])?$/.test(variable) && isBetter) this.variables.set(value.id, { name: variable, depth });
    if (value.text === variable || !/[(>.]/.test(value.text)) return;
    // One member of the entry's is no better name than another, and what it is in may change.
    if (/[.>]/.test(variable) && value.location !== null && isOwn(value.location)) return;
    const other = this.byText.get(value.text);
    if (other === undefined) this.byText.set(value.text, { variable, id: value.id });
    else if (other.id !== value.id && other.variable !== variable) this.byText.set(value.text, { ...other, id: null });
    this.textsOf.set(variable, (this.textsOf.get(variable) ?? new Set<string>()).add(value.text));
  }

  shortTexts(exact: boolean): readonly ShortText[] {
    return [...this.byText]
      .filter(([, { variable, id }]) => this.textsOf.get(variable)?.size === 1 && (!exact || id !== null))
      .map(([text, { variable }]): ShortText => [text, variable])
      .sort((a, b) => b[0].length - a[0].length);
  }

  inOwnTerms({ id, location }: Sym): string | null {
    if (location?.key !== id || location.root.kind !== "pointee") return null;
    const { pointer } = location.root;
    const members = fieldsOf(location);
    const place = pointer.t === "sym" && pointer.origin?.how === "mapping" ? this.mappedAt.get(pointer.id) : undefined;
    if (place === undefined || members === null || this.mappedIn.get(place)?.size !== 1) return null;
    return `${place}->${members.join(".")}`;
  }

  variableOf(id: string): string | null {
    return this.variables.get(id)?.name ?? null;
  }
}

/** The members that lead to a location from its root; null where there are none, or an element is among them. */
function fieldsOf(at: Location): readonly string[] | null {
  const members: string[] = [];
  for (let inner: Location = at; inner.parent !== null; inner = inner.parent) {
    if (inner.step?.kind !== "field") return null;
    members.unshift(inner.step.name);
  }
  return members.length > 0 ? members : null;
}
