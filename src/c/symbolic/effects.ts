/**
 * Which expressions and statements matter: they reach something that is followed, store in a member that a domain watches, or
 * leave the function. What does not matter is looked at, not run.
 */

import type { Expr, Stmt } from "../ast.ts";
import { calleeOf, expressionsOf, partsOf, statementsOf } from "../walk.ts";

export class Effects {
  private readonly known = new WeakMap<Expr, boolean>();
  private readonly calls: ReadonlySet<string>;
  private readonly ignored: ReadonlySet<string>;
  private readonly members: ReadonlySet<string>;

  /**
   * @param calls functions that matter: those that are followed, and those that a domain knows
   * @param ignored calls that do nothing, whatever their arguments
   * @param members members that matter when something is stored in them
   */
  constructor(calls: ReadonlySet<string>, ignored: ReadonlySet<string>, members: ReadonlySet<string>) {
    this.calls = calls;
    this.ignored = ignored;
    this.members = members;
  }

  /** Does evaluating an expression need more than looking at memory? */
  of(e: Expr): boolean {
    const known = this.known.get(e);
    if (known !== undefined) return known;
    const result = this.find(e);
    this.known.set(e, result);
    return result;
  }

  private find(e: Expr): boolean {
    switch (e.kind) {
      case "call": {
        const name = calleeOf(e);
        if (name !== null && this.ignored.has(name)) return false;
        return name === null || this.calls.has(name) || e.args.some((arg) => this.of(arg));
      }
      case "update":
      case "initializer":
        return false;
      case "assign":
        return partsOf(e).some((part) => this.of(part)) || this.storesInWatched(e);
      case "opaque":
        return partsOf(e).some((part) => this.of(part)) || this.hidesWhatMatters(e);
      default:
        return partsOf(e).some((part) => this.of(part));
    }
  }

  /** Are there statements in `({ … })`, other than expressions, that matter? */
  hidesWhatMatters({ body = [] }: Extract<Expr, { kind: "opaque" }>): boolean {
    return body.some((s) => s.kind !== "expression" && this.matters(s));
  }

  /** Can a statement do more than change memory: reach what matters, or leave the function? */
  matters(s: Stmt): boolean {
    if (s.kind === "goto" || s.kind === "return") return true;
    return expressionsOf(s).some((e) => this.of(e)) || statementsOf(s).some((inner) => this.matters(inner));
  }

  private storesInWatched(e: Extract<Expr, { kind: "assign" }>): boolean {
    return e.left.kind === "member" && this.members.has(e.left.field);
  }
}
