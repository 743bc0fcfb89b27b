/** The values of pure expressions, and the places that they name. */

import type { Expr } from "../c/index.ts";
import type { Code } from "./code.ts";
import { knowing, withMember } from "./episode.ts";
import type { Source } from "./source.ts";
import { factsOf, type State } from "./state.ts";
import {
  asInteger,
  binaryValue,
  constantOf,
  countedBy,
  functionValue,
  type Instance,
  instanceOf,
  marked,
  memberValue,
  NOTHING,
  number,
  objectValue,
  only,
  POINTER,
  POSITIVE,
  setOf,
  TOP,
  TRUTH,
  truthOf,
  unaryValue,
  union,
  unmarked,
  type Value,
  withInstance,
} from "./values.ts";

/**
 * What an expression names: a local object, or a member of something else (`isFact` when its value is followed, `isOwn` when what it is
 * of is surely the path's own).
 */
export type Named =
  | { readonly kind: "local"; readonly path: string }
  | {
      readonly kind: "member";
      readonly member: string;
      readonly of: Instance;
      readonly isFact: boolean;
      readonly isOwn: boolean;
    };

/** What is known at an entry, and who asked for it. */
export interface Known {
  /** The value of a member that is followed, where nothing has been stored to it yet; null for one that is not. */
  readonly fact: (member: string) => Value | null;
  /** Structures of which each vCPU has its own. */
  readonly perVcpu: ReadonlySet<string>;
  /** Structures of which each VM has its own. */
  readonly perVm: ReadonlySet<string>;
  /** Members that have one value in every phase, whosever they are. */
  readonly always: ReadonlySet<string>;
  /** Members that keep vCPUs out. */
  readonly bars: ReadonlySet<string>;
}

/** Evaluates expressions of one function. */
export class Evaluator {
  private readonly source: Source;
  private readonly code: Code;
  private readonly known: Known;
  private readonly variable = (name: string): string | null => this.code.types.get(name) ?? null;

  constructor(source: Source, code: Code, known: Known) {
    this.source = source;
    this.code = code;
    this.known = known;
  }

  // ---------------------------------------------------------------- places

  /** What an expression names; null for a value, and where a pointer may point to several things. */
  place(e: Expr, state: State): Named | null {
    switch (e.kind) {
      case "name":
        if (this.isLocal(e.name)) return { kind: "local", path: e.name };
        return this.memberPlace(e.name, "self");
      case "cast":
        return this.place(e.operand, state);
      case "member":
        return e.arrow ? this.pointee(e.object, e.field, state) : this.part(e, state);
      case "index": {
        const base = this.place(e.object, state);
        return base?.kind === "local" ? { kind: "local", path: `${base.path}.[]` } : null;
      }
      case "unary": {
        if (e.op !== "*") return null;
        const value = this.value(e.operand, state);
        const [first] = value.atoms;
        if (value.atoms.length !== 1 || first === undefined) return null;
        if (first.kind === "object") return { kind: "local", path: first.path };
        return first.kind === "member" ? this.memberPlace(first.member, first.of) : null;
      }
      default:
        return null;
    }
  }

  isLocal(name: string): boolean {
    return this.code.types.has(name);
  }

  private memberPlace(member: string, of: Instance): Named {
    const at = member.indexOf(".");
    const isOfOtherVcpu = at > 0 && of !== "self" && this.known.perVcpu.has(member.slice(0, at));
    const isOthers = isOfOtherVcpu && !this.known.always.has(member);
    const isFact = !isOthers && this.known.fact(member) !== null;
    return { kind: "member", member, of, isFact, isOwn: !isOfOtherVcpu && of !== "other" };
  }

  /** `a.b` */
  private part(e: Extract<Expr, { kind: "member" }>, state: State): Named | null {
    const base = this.place(e.object, state);
    if (base?.kind === "local") return { kind: "local", path: `${base.path}.${e.field}` };
    const of = base?.of ?? this.baseInstance(e.object, state);
    return this.ofTag(e, of);
  }

  /** `a->b` */
  private pointee(object: Expr, field: string, state: State): Named | null {
    const value = this.value(object, state);
    const [first] = value.atoms;
    if (value.atoms.length === 1 && first?.kind === "object") return { kind: "local", path: `${first.path}.${field}` };
    if (value.objects.length > 0) return null;
    return this.ofTag({ kind: "member", object, field, arrow: true, line: 0 }, instanceOf(value));
  }

  private ofTag(e: Extract<Expr, { kind: "member" }>, of: Instance): Named {
    const tag = this.tagOf(e.object);
    return this.memberPlace(`${tag ?? "?"}.${e.field}`, of);
  }

  /** Whose the thing is that an expression without a place is part of. */
  private baseInstance(e: Expr, state: State): Instance {
    if (e.kind === "member")
      return e.arrow ? instanceOf(this.value(e.object, state)) : this.baseInstance(e.object, state);
    if (e.kind === "index") return this.baseInstance(e.object, state);
    return instanceOf(this.value(e, state));
  }

  /** The tag of the structure that an expression is or points to; null when it is not known. */
  tagOf(e: Expr): string | null {
    return this.source.types.tagOfExpr(e, { variable: this.variable, result: () => null });
  }

  typeOf(e: Expr): string | null {
    return this.source.types.typeOf(e, { variable: this.variable, result: () => null });
  }

  // ---------------------------------------------------------------- values

  value(e: Expr, state: State): Value {
    switch (e.kind) {
      case "number":
        return number(e.value);
      case "string":
        return POSITIVE;
      case "name":
        return this.nameValue(e.name, state);
      case "cast":
        return this.castValue(e, state);
      case "member":
      case "index":
        return this.memberValue(e, state);
      case "unary":
        if (e.op === "&") return this.addressOf(e.operand, state);
        if (e.op === "*") return this.dereferenced(e.operand, state);
        return unaryValue(e.op, this.value(e.operand, state));
      case "binary":
        return binaryValue(e.op, this.value(e.left, state), this.value(e.right, state));
      case "conditional":
        return this.either(e, state);
      case "comma": {
        const last = e.parts.at(-1);
        return last === undefined ? TOP : this.value(last, state);
      }
      case "update": {
        const operand = this.value(e.operand, state);
        // Following each number that a counter takes on would make every round of a loop another one.
        if (state.episode === null) return countedBy(e.op, operand);
        const counted = binaryValue(e.op === "++" ? "+" : "-", operand, number(1n));
        const isKnown = constantOf(operand) !== null;
        if (operand.isMarked) return marked(isKnown && isSmall(counted) ? counted : TOP);
        return isKnown ? counted : TOP;
      }
      case "opaque":
        return e.text === "pointer" ? POSITIVE : e.text.startsWith("sizeof") ? POSITIVE : TOP;
      default:
        return TOP;
    }
  }

  private castValue({ operand, type }: Extract<Expr, { kind: "cast" }>, state: State): Value {
    const value = this.value(operand, state);
    const bits = type === undefined ? null : this.source.program.bitsOfType(type);
    if (bits === null) return value;
    // What is computed has another type than its parts.
    const own = operand.kind === "binary" || operand.kind === "unary" ? null : this.typeOf(operand);
    return asInteger(value, bits, own === null ? null : this.source.program.bitsOfType(own));
  }

  private either({ test, yes, no }: Extract<Expr, { kind: "conditional" }>, state: State): Value {
    const decides = this.value(test, state);
    const truth = truthOf(decides);
    const value =
      truth.yes && truth.no
        ? union(this.valueWhere(test, true, yes, state), this.valueWhere(test, false, no, state))
        : this.value(truth.yes ? yes : no, state);
    return decides.isMarked ? marked(value) : value;
  }

  /** The value where a test comes out as it is wanted; none where it cannot. */
  private valueWhere(test: Expr, want: boolean, e: Expr, state: State): Value {
    const way = state.copy();
    return this.assume(test, want, way) ? this.value(e, way) : NOTHING;
  }

  private nameValue(name: string, state: State): Value {
    const type = this.code.types.get(name);
    if (type !== undefined) return type.endsWith("[]") ? objectValue(name) : state.read(name);
    const known = state.episode?.members.get(name);
    if (known !== undefined) return known;
    const fact = this.known.fact(name);
    if (fact !== null) return state.facts.values.get(name) ?? fact;
    const constant = this.source.constant(name);
    if (constant !== null) return number(constant);
    const key = this.source.functionKey(name, this.code.file);
    if (key !== null) return functionValue(key);
    return name === "NULL" || name === "false" ? number(0n) : name === "true" ? number(1n) : TOP;
  }

  private memberValue(e: Extract<Expr, { kind: "member" | "index" }>, state: State): Value {
    const place = this.place(e, state);
    if (place?.kind === "local") return state.read(place.path);
    if (place?.kind === "member") return this.read(place, state, this.source.types.typeOfMember(place.member));
    if (e.kind === "member" && e.arrow) {
      const value = this.value(e.object, state);
      const paths = value.objects;
      if (paths.length > 0 && paths.length === value.atoms.filter((a) => a.kind !== "number").length)
        return paths.map((path) => state.read(`${path}.${e.field}`)).reduce(union);
    }
    if (e.kind === "index") return withInstance(TOP, this.baseInstance(e.object, state));
    return TOP;
  }

  private read(place: Extract<Named, { kind: "member" }>, state: State, type: string | null = null): Value {
    const known = state.episode?.members.get(place.member);
    if (known === undefined) return this.readPlain(place, state, type);
    // Whether another's is the same one is not known.
    return place.isOwn ? known : union(known, this.readPlain(place, state, type));
  }

  /** The value of a member of which nothing is known since a BUSY. */
  private readPlain(place: Extract<Named, { kind: "member" }>, state: State, type: string | null): Value {
    if (place.isFact) return this.factOf(place.member, state);
    const functions = this.source.functionsAt(place.member);
    if (functions !== null) return functions;
    // An error is handed on as a pointer, but not kept as one.
    if (type?.endsWith("*")) return withInstance(POINTER, this.isToAnother(place.member, type) ? "other" : place.of);
    return type === "bool" ? TRUTH : withInstance(TOP, place.of);
  }

  /** Does a member point from one VM, or vCPU, to another? To its own VM only a vCPU has a pointer. */
  private isToAnother(member: string, type: string): boolean {
    const { perVm, perVcpu } = this.known;
    const at = member.indexOf(".");
    const [from, to] = [at > 0 ? member.slice(0, at) : "", this.source.types.tagOf(type) ?? ""];
    return (perVm.has(from) && (perVm.has(to) || perVcpu.has(to))) || (perVcpu.has(from) && perVcpu.has(to));
  }

  /** What is known of a member of the path's own, or of a global object. */
  memberNow(member: string, state: State): Value {
    const named = this.memberPlace(member, "self") as Extract<Named, { kind: "member" }>;
    return this.read(named, state, this.source.types.typeOfMember(member));
  }

  private addressOf(e: Expr, state: State): Value {
    const place = this.place(e, state);
    if (place?.kind === "local") return objectValue(place.path);
    if (place?.kind === "member") {
      if (e.kind === "name") {
        const key = this.source.functionKey(e.name, this.code.file);
        if (key !== null) return functionValue(key);
      }
      return memberValue(place.member, place.of);
    }
    return withInstance(POSITIVE, e.kind === "index" ? this.baseInstance(e.object, state) : "self");
  }

  private dereferenced(e: Expr, state: State): Value {
    const pointer = this.value(e, state);
    const place = this.place({ kind: "unary", op: "*", operand: e, line: 0 }, state);
    if (place?.kind === "local") return state.read(place.path);
    if (place?.kind === "member") return this.read(place, state);
    // What a pointer to a function is dereferenced to is the function.
    const functions = pointer.atoms.filter((a) => a.kind === "function");
    return functions.length > 0 ? setOf(functions) : withInstance(TOP, instanceOf(pointer));
  }

  // ---------------------------------------------------------------- stores

  /** Stores a value. What a pointer that may point to several objects points to is not known afterwards. */
  store(to: Expr, value: Value, state: State): void {
    const place = this.place(to, state);
    if (place?.kind === "local") {
      if (place.path.endsWith("[]")) state.write(place.path, union(state.read(place.path), value));
      else state.write(place.path, value);
      return;
    }
    if (place?.kind === "member") {
      const { episode } = state;
      // What is stored to another's may be stored to the path's own.
      const isWeak = place.isFact ? place.of === "other" : !place.isOwn;
      const kept = isWeak ? union(value, this.read(place, state)) : value;
      // Of what keeps vCPUs out it matters whether those who enter looked at it, and not what was stored there last.
      const isBar = this.known.bars.has(place.member);
      if (place.isFact) this.setFact(place.member, isBar ? TOP : unmarked(kept), state);
      // Where the call does not fail, what that stores is what a failure is told from.
      if (episode !== null && (kept.isMarked || episode.isSuccess || episode.members.has(place.member)))
        state.episode = withMember(episode, place.member, kept);
      for (const path of value.objects) state.forget(path);
      return;
    }
    if (to.kind === "member" && to.arrow) for (const path of this.value(to.object, state).objects) state.forget(path);
    if (to.kind === "unary") for (const path of this.value(to.operand, state).objects) state.forget(path);
  }

  setFact(member: string, value: Value, state: State): void {
    const values = new Map(state.facts.values);
    if (value === this.known.fact(member)) values.delete(member);
    else values.set(member, value);
    state.facts = factsOf(values);
  }

  // ---------------------------------------------------------------- tests

  /** Keeps what makes a test come out as `want`; false when nothing does. */
  assume(test: Expr, want: boolean, state: State): boolean {
    const { yes, no } = truthOf(this.value(test, state));
    if (want ? !yes : !no) return false;
    for (const leaf of leaves(test)) {
      const place = this.place(leaf, state);
      if (place === null || (place.kind === "member" && !this.isKnown(place, state))) continue;
      const before = this.value(leaf, state);
      if (before.atoms.length < 2) continue;
      const kept = before.atoms.filter((atom) => {
        this.set(place, only(atom), state);
        const truth = truthOf(this.value(test, state));
        return want ? truth.yes : truth.no;
      });
      if (kept.length === 0) return false;
      this.set(place, setOf(kept), state);
    }
    return true;
  }

  /** What is known of a member that is followed. */
  factOf(member: string, state: State): Value {
    return state.facts.values.get(member) ?? this.known.fact(member) ?? TOP;
  }

  /** The members that are followed and that an expression reads, or names. */
  factsIn(e: Expr, state: State): string[] {
    return leaves(e).flatMap((leaf) => {
      const place = this.place(leaf, state);
      return place?.kind === "member" && place.isFact ? [place.member] : [];
    });
  }

  /** Does a test depend on nothing but members that are followed? */
  isAboutFacts(e: Expr, state: State): boolean {
    const open = leaves(e).filter((leaf) => this.value(leaf, state).atoms.length > 1);
    return open.length > 0 && open.every((leaf) => this.factsIn(leaf, state).length > 0);
  }

  private set(place: Named, value: Value, state: State): void {
    if (place.kind === "local") {
      state.write(place.path, value);
      return;
    }
    if (place.isFact) this.setFact(place.member, unmarked(value), state);
    const { episode } = state;
    if (episode?.members.has(place.member) === true) state.episode = knowing(episode, place.member, value);
  }

  /** Is a member followed, everywhere or since a BUSY? */
  private isKnown({ member, isFact, isOwn }: Extract<Named, { kind: "member" }>, { episode }: State): boolean {
    return isFact || (isOwn && episode?.members.has(member) === true);
  }

  /** A constant expression of the rules or of a case; null when it is none. */
  constant(e: Expr, state: State): bigint | null {
    return constantOf(this.value(e, state));
  }
}

/** Is a number one of those that tries are counted by? */
function isSmall(value: Value): boolean {
  const known = constantOf(value);
  return known !== null && -MOST_COUNTED <= known && known <= MOST_COUNTED;
}

/** How far it is counted what was done because of a status. */
const MOST_COUNTED = 32n;

/** The parts of a test whose value decides it. */
function leaves(e: Expr): Expr[] {
  switch (e.kind) {
    case "name":
    case "member":
      return [e];
    case "unary":
      return e.op === "&" ? [] : e.op === "*" ? [e] : leaves(e.operand);
    case "cast":
      return leaves(e.operand);
    case "binary":
      return [...leaves(e.left), ...leaves(e.right)];
    default:
      return [];
  }
}
