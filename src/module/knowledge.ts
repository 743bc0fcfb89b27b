/** What the rules say of one tree, worked out once for all runs on it. */

import {
  calleeOf,
  Effects,
  expressionsIn,
  ParameterWrites,
  type Program,
  type Settings,
  type Stmt,
} from "../c/index.ts";
import type { LockKind, LockMode, Side, Site } from "../catalog/index.ts";
import type { ExtractionRules } from "./rules.ts";

/** A result that a primitive can give, with its value. */
export interface Outcome {
  readonly name: string;
  readonly value: bigint;
  readonly success: boolean;
}

/** The results that a primitive can give, in source order. */
export type PrimitiveOutcomes = (name: string, mode: LockMode, side: Side) => readonly Outcome[];

/** Member of a PAMT entry that is its page's type. */
export const PAGE_TYPE = "pt";

export class Knowledge {
  readonly program: Program;
  readonly rules: ExtractionRules;
  readonly outcomes: PrimitiveOutcomes;
  readonly settings: Settings;
  /** Functions that can reach an acquire or promote primitive. */
  private readonly acquiring: ReadonlySet<string>;
  private readonly tellers = new Map<string, boolean>();
  private walkLock: LockKind | null | undefined;

  /**
   * @param followed functions worth following: those that can reach a primitive, a page type or a BUSY status
   * @param outcomes what each acquire and promote primitive may return
   */
  constructor(program: Program, rules: ExtractionRules, followed: ReadonlySet<string>, outcomes: PrimitiveOutcomes) {
    this.program = program;
    this.rules = rules;
    this.outcomes = outcomes;
    this.settings = settingsOf(program, rules, followed);
    const acquiring = Object.keys(rules.primitives).filter((name) =>
      /acquire|promote/.test(rules.primitives[name]?.operation ?? ""),
    );
    this.acquiring = program.reaching(new Set(acquiring));
  }

  /** Can a statement reach an acquire or promote primitive? */
  canAcquire(s: Stmt): boolean {
    for (const e of expressionsIn(s)) if (this.acquiring.has(calleeOf(e) ?? "")) return true;
    return false;
  }

  /** Does a function compare statuses with an error's? Then which error its callees return matters to it. */
  tellsErrorsApart(caller: Site): boolean {
    const place = `${caller.file}:${caller.function}`;
    let tells = this.tellers.get(place);
    if (tells === undefined) {
      tells = this.rules.errorComparisons.test(this.bodyOf(caller.function, caller.file));
      this.tellers.set(place, tells);
    }
    return tells;
  }

  /** The text of a function's body; of the first of that name where no file is given. */
  bodyOf(name: string, file: string | null = null): string {
    const info = file === null ? this.program.functions.get(name)?.[0] : this.program.resolve(name, file);
    return info ? (this.program.texts.get(info.file)?.slice(info.bodyStart, info.bodyEnd) ?? "") : "";
  }

  /** The kind of the lock of a walked tree: that of the primitives that take it; null when nothing does. */
  walkedKind(): LockKind | null {
    if (this.walkLock === undefined) {
      const call = new RegExp(`\\b(\\w+)\\s*\\(\\s*&[^;{}]{0,200}?\\b${this.rules.walkedRoot.lock}\\b`, "g");
      const names = [...this.program.texts.values()].flatMap((text) =>
        [...text.matchAll(call)].map(([, name]) => name),
      );
      const primitive = names.find((name) => name !== undefined && Object.hasOwn(this.rules.primitives, name));
      this.walkLock = primitive === undefined ? null : (this.rules.primitives[primitive]?.lock ?? null);
    }
    return this.walkLock;
  }

  /** The enumerator of a page type, whatever other name the source gives the value. */
  pageType(value: bigint | null, name: string | null): string | null {
    const names = this.program.enums.get(this.rules.pageTypeEnum) ?? [];
    const v = value ?? (name === null ? null : this.program.constant(name));
    return names.find((enumerator) => v !== null && this.program.constant(enumerator) === v) ?? name;
  }

  /** Bits of a SEPT entry's whole word: is its lock bit set? */
  isLockBitSet(word: bigint): boolean {
    const [bit] = this.rules.layouts.sept_entry.bits;
    const position = bit ? this.program.constant(bit.constant) : null;
    return position === null || ((word >> position) & 1n) === 1n;
  }

  /** The mode that a value given to a primitive means; null for another value. */
  modeOf(value: bigint): LockMode | null {
    const enumerator = Object.keys(this.rules.modes).find((name) => this.program.constant(name) === value);
    return enumerator === undefined ? null : (this.rules.modes[enumerator] ?? null);
  }
}

function settingsOf(program: Program, rules: ExtractionRules, followed: ReadonlySet<string>): Settings {
  const writes = new ParameterWrites(program, [...rules.ignoredCalls, ...rules.mappings, ...rules.assertions]);
  const primitives = Object.keys(rules.primitives);
  const matter = new Set([...followed, ...primitives, ...Object.keys(rules.noReturn)]);
  const ignored = new Set(rules.ignoredCalls);
  return {
    program,
    followed,
    ignored,
    assertions: new Set(rules.assertions),
    ends: new Map(Object.entries(rules.noReturn).map(([name, end]) => [name, end === "fatal" ? null : end])),
    told: new Set(Object.keys(rules.exitStatuses)),
    known: new Set([...primitives, ...Object.keys(rules.statusChanges), ...rules.mappings]),
    changing: rules.changing,
    nonNull: new Set(rules.nonNull),
    nonNullMembers: new Set(rules.nonNullMembers),
    wordMember: rules.wordField,
    effects: new Effects(matter, ignored, new Set([PAGE_TYPE])),
    mayWrite: (name, fromFile, index) => {
      const info = program.resolve(name, fromFile);
      return info === null || writes.mayWrite(info, index);
    },
  };
}
