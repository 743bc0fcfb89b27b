/** What the rules say of one tree, worked out once for all runs on it. */

import {
  calleeOf,
  Effects,
  type Expr,
  expressionsIn,
  type FunctionInfo,
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

/** What a function makes of its callees' errors: it tells them apart, returns them as they are, or only asks whether there is one. */
type UseOfErrors = "compares" | "hands on" | "any";

/** Member of a PAMT entry that is its page's type. */
export const PAGE_TYPE = "pt";

export class Knowledge {
  readonly program: Program;
  readonly rules: ExtractionRules;
  readonly outcomes: PrimitiveOutcomes;
  readonly settings: Settings;
  /** Functions that can reach an acquire or promote primitive. */
  private readonly acquiring: ReadonlySet<string>;
  /** The same of release primitives. */
  private readonly releasing: ReadonlySet<string>;
  /** Functions that can reach one that makes a BUSY status. */
  private busy: ReadonlySet<string> | undefined;
  private readonly uses = new Map<string, UseOfErrors>();
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
    const reaching = (operations: RegExp) => {
      const isOne = (name: string) => operations.test(rules.primitives[name]?.operation ?? "");
      return program.reaching(new Set(Object.keys(rules.primitives).filter(isOne)));
    };
    this.acquiring = reaching(/acquire|promote/);
    this.releasing = reaching(/release/);
  }

  /** Can a statement reach an acquire or promote primitive? */
  canAcquire(s: Stmt): boolean {
    return calls(s, this.acquiring);
  }

  /** Can a statement reach a release primitive? */
  canRelease(s: Stmt): boolean {
    return calls(s, this.releasing);
  }

  /** Can a statement make a BUSY status, or call what makes one? */
  canBeBusy(s: Stmt): boolean {
    const { rules, program } = this;
    this.busy ??= program.reaching(makersOfBusy(program, rules));
    const isBusy = (e: Expr) => e.kind === "name" && rules.busyStatuses.test(e.name);
    return calls(s, this.busy) || [...expressionsIn(s)].some(isBusy);
  }

  /**
   * Does it matter which error a function returns? To a caller that compares statuses with an error's, also where others are between
   * that do no more than call on.
   *
   * @param callers call sites, the outermost first
   */
  tellErrorsApart(callers: readonly Site[]): boolean {
    const nearest = callers.findLast((caller) => this.useOf(caller) !== "hands on");
    return nearest !== undefined && this.useOf(nearest) === "compares";
  }

  private useOf({ file, function: name }: Site): UseOfErrors {
    const place = `${file}:${name}`;
    let use = this.uses.get(place);
    if (use === undefined) {
      use = this.rules.errorComparisons.test(this.bodyOf(name, file))
        ? "compares"
        : this.isCallOnly(name, file)
          ? "hands on"
          : "any";
      this.uses.set(place, use);
    }
    return use;
  }

  /** Is a function no more than the call of another one, whose result it returns? */
  private isCallOnly(name: string, file: string): boolean {
    const info = this.program.resolve(name, file);
    const [only, ...others] = (info && this.program.ast(info)?.body) ?? [];
    return others.length === 0 && only?.kind === "return" && only.value?.kind === "call";
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

/** Functions whose bodies name a BUSY status. */
export function makersOfBusy(program: Program, rules: ExtractionRules): Set<string> {
  const isMaker = ({ file, bodyStart, bodyEnd }: FunctionInfo): boolean => {
    const body = program.texts.get(file)?.slice(bodyStart, bodyEnd) ?? "";
    return [...body.matchAll(/\bTDX_\w+/g)].some(([name]) => rules.busyStatuses.test(name));
  };
  return new Set([...program.functions].filter(([, infos]) => infos.some(isMaker)).map(([name]) => name));
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

function calls(s: Stmt, names: ReadonlySet<string>): boolean {
  for (const e of expressionsIn(s)) if (names.has(calleeOf(e) ?? "")) return true;
  return false;
}
