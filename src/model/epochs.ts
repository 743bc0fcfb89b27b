/** The TD epoch, who is counted into it, and since when pages are blocked: what TLB tracking rests on. One definition for every scenario. */
import {
  add,
  and,
  type BoolExpr,
  type Effect,
  eq,
  forall,
  type IntExpr,
  type IntLike,
  intType,
  ite,
  lt,
  type ModelBuilder,
  ne,
  or,
  type Range,
  set,
  sub,
} from "../language/index.ts";

/** Blocking epochs are kept by their distance to the TD epoch; two or more steps back is all the same to the module. */
const OLDEST = 2;

/** Only the parity of the TD epoch and distances to it matter to the module. */
export class Epochs {
  readonly #pages: number;
  readonly #vcpus: Range;
  readonly #current;
  readonly #references;
  readonly #vcpuEpoch;
  readonly #blockedAge;

  /** Declares the variables. `inside`: how many vCPUs can be counted into one epoch. */
  constructor(m: ModelBuilder, vcpus: Range, pages: number, inside: number) {
    this.#pages = pages;
    this.#vcpus = vcpus;
    this.#current = m.variable("tdEpoch", intType(0, 1));
    this.#references = m.array("refcount", intType(0, inside), 2);
    this.#vcpuEpoch = m.array("vcpuEpoch", intType(0, 2), vcpus);
    this.#blockedAge = m.array("blockedAge", intType(0, OLDEST), pages, OLDEST);
  }

  /** Counts a vCPU into the current epoch: `adjust_tlb_tracking_state`, common/helpers/helpers.c:2547 in 1.5.05. */
  enter(vcpu: IntLike): Effect[] {
    const count = this.#references.at(this.#current);
    return [set(count, add(count, 1)), set(this.#vcpuEpoch.at(vcpu), add(this.#current, 1))];
  }

  /** Counts it out again: on TD exit (td_transitions/td_exit.c:504) or when entry fails (`revert_tlb_tracking_state`). */
  leave(vcpu: IntLike): Effect[] {
    const mine = this.#vcpuEpoch.at(vcpu);
    const count = this.#references.at(sub(mine, 1));
    return [set(count, sub(count, 1)), set(mine, 0)];
  }

  /** Is the vCPU counted in? */
  counts(vcpu: IntLike): BoolExpr {
    return ne(this.#vcpuEpoch.at(vcpu), 0);
  }

  /** Is no vCPU counted in the epoch before the current one? */
  get previousEmpty(): BoolExpr {
    return eq(this.#references.at(sub(1, this.#current)), 0);
  }

  /** TDH.MEM.TRACK's effect: the next epoch; every blocked page is one epoch further back. */
  next(): Effect[] {
    const older = Array.from({ length: this.#pages }, (_, page) => {
      const age = this.#blockedAge.at(page);
      return set(age, ite(lt(age, OLDEST), add(age, 1), OLDEST));
    });
    return [set(this.#current, sub(1, this.#current)), ...older];
  }

  /** TDH.MNG.INIT and a new TDR start over: no vCPU is counted. */
  reset(): Effect[] {
    return [set(this.#current, 0), set(this.#references.at(0), 0), set(this.#references.at(1), 0)];
  }

  /** Notes the current epoch as the page's blocking epoch (PAMT.BEPOCH). */
  stampBlocked(page: IntLike): Effect[] {
    return [set(this.#blockedAge.at(page), 0)];
  }

  /** Forgets the blocking epoch of a page that is no longer blocked. */
  forgetBlocked(page: IntLike): Effect[] {
    return [set(this.#blockedAge.at(page), OLDEST)];
  }

  /** `is_tlb_tracked`, common/helpers/helpers.h:1217 in 1.5.05: blocked one epoch back, when nobody is left in that, or further back. */
  tracked(page: IntLike): BoolExpr {
    const age = this.#blockedAge.at(page);
    return or(eq(age, OLDEST), and(eq(age, 1), this.previousEmpty));
  }

  /** Does no vCPU in the TD date from the page's blocking epoch or before? Only then can no cached translation be left. */
  noStaleTranslation(page: IntLike): BoolExpr {
    const age = this.#blockedAge.at(page);
    const current: IntExpr = add(this.#current, 1);
    return forall(this.#vcpus, (v) => {
      const mine = this.#vcpuEpoch.at(v);
      return or(eq(mine, 0), and(eq(mine, current), ne(age, 0)), and(ne(mine, current), eq(age, OLDEST)));
    });
  }
}
