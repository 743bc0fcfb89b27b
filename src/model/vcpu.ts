/** A vCPU: the host's run loop, TDH.VP.ENTER, the guest inside, TD exit, and the host's handling of EPT violations. */

import type { Acquisition, CallEnd, Leaf } from "../catalog/index.ts";
import { SeamlockError } from "../errors.ts";
import type { TdExit } from "../host/index.ts";
import {
  type ArrayRef,
  add,
  and,
  assertThat,
  type BoolExpr,
  type BoolLike,
  BUSY,
  boolType,
  type Effect,
  eq,
  exists,
  type IntExpr,
  type IntRef,
  indexType,
  intType,
  lt,
  not,
  or,
  type ProcessBuilder,
  type StepMeta,
  type StepSpec,
  set,
} from "../language/index.ts";
import { Caller, STORED_AGAIN } from "./calls.ts";
import { faultHandler } from "./fault-handler.ts";
import { type GuestCall, guestCallsOf } from "./guest-calls.ts";
import { endedBy, type Host, leavingBy } from "./host-state.ts";
import type { Held } from "./lock-steps.ts";
import { type EntryWrite, faults, Sept, type SeptView, type SizedBody } from "./sept.ts";
import type { HostPriorityWatch, VcpuLeaves, VcpuSpec } from "./vcpu-spec.ts";
import { statusCode, type World } from "./world.ts";

/** The label of a guest that insists on a TDCALL that was refused. */
export const refusedAt = (prefix: string): string => `${prefix} refused`;

type EntryMeta = (action: string, object: IntExpr, more?: Partial<StepMeta>) => StepMeta;

/** What the simulator measures. */
const OUT = "out of the guest";
const KEPT_OUT = "kept out";
const intoGuest = (next: string): Partial<StepMeta> =>
  next === "guest" ? { ends: { stretch: OUT, as: "entered again" } } : {};

/** Builds the process. */
export class VcpuProcess {
  readonly p: ProcessBuilder;
  readonly world: World;
  readonly #host: Host;
  readonly #spec: VcpuSpec;
  readonly #leaves: VcpuLeaves;
  readonly #page: IntRef;
  readonly #listed: ArrayRef<typeof boolType>;
  readonly #count: IntRef | null;
  /** Faults that may still be left without a call; null: none may. */
  readonly #abandoning: IntRef | null;
  readonly #watch: HostPriorityWatch | null;
  readonly #caller: Caller;

  /** `watch`: null where a TDCALL never ends in a TD exit for meeting host priority. */
  constructor(
    p: ProcessBuilder,
    world: World,
    host: Host,
    spec: VcpuSpec,
    leaves: VcpuLeaves,
    watch: HostPriorityWatch | null,
  ) {
    this.p = p;
    this.world = world;
    this.#host = host;
    this.#spec = spec;
    this.#leaves = leaves;
    this.#page = p.variable("page", indexType({ name: "page" }));
    this.#listed = p.array("listed", boolType, world.pages);
    this.#count = spec.zeroStep.kind === "counted" ? p.variable("sameRip", intType(0, spec.zeroStep.threshold)) : null;
    const { abandonedFaults } = spec;
    this.#abandoning =
      abandonedFaults > 0 ? p.variable("abandoning", intType(0, abandonedFaults), abandonedFaults) : null;
    this.#watch = watch;
    this.#caller = new Caller(p, world, true);
  }

  /** Adds every step. */
  build(): void {
    this.#runLoop();
    this.#enter();
    for (const call of this.guestCalls()) this.#guestCall(call);
    this.#guestExits();
    this.#exit("exit", "outside");
    for (const exit of this.endingExits()) {
      this.#exit(leavingBy(exit), endedBy(exit));
      this.p.idle(endedBy(exit));
    }
    if (!this.faults) return;
    this.#exit("fault exit", "fault");
    faultHandler(this.#caller, {
      aug: this.#leaves.aug,
      host: this.#host,
      page: this.#page,
      localRetry: this.#spec.localRetry,
      abandoning: this.#abandoning,
    });
  }

  /** The exits of this scenario's guest after which its host does not enter again. */
  endingExits(): TdExit[] {
    const { exits, hostPriorityTimeout, touches, pendingVe } = this.#spec;
    const met: TdExit[] = [];
    if (hostPriorityTimeout && this.guestCalls().length > 0) met.push("host-priority-timeout");
    if (touches && !pendingVe) met.push("pending-page");
    return met.filter((exit) => (exits.get(exit) ?? "enters") !== "enters");
  }

  /** Where a vCPU goes on that leaves by this exit. */
  #leavesBy(exit: TdExit, otherwise: string): string {
    return this.endingExits().includes(exit) ? leavingBy(exit) : otherwise;
  }

  /** Can a run of the guest end in an EPT violation? */
  get faults(): boolean {
    return this.#spec.touches || this.guestCalls().length > 0;
  }

  /** The TDCALLs that the guest makes, as far as their entry lock is modelled. */
  guestCalls(): GuestCall[] {
    const { attributeWrite, septWrite } = this.world.lineage;
    return this.world.models("SEPT_ENTRY")
      ? guestCallsOf(this.#spec, this.#leaves, {
          view: this.#guestView,
          page: this.#page,
          resized: this.world.spec.resized,
          // One exchange that keeps host priority and puts the state there that is there changes nothing.
          rewrites: attributeWrite === "rewrites-the-entry" && septWrite !== "exchange",
        })
      : [];
  }

  /** The entries as a guest's call sees them. */
  get #guestView(): SeptView {
    const { copy } = this.#caller.writer;
    return copy === null ? this.world : { epochs: this.world.epochs, state: () => copy.state };
  }

  /** Does an access to the page end in a TD exit for an EPT violation? */
  #wouldFault(page: IntExpr): BoolExpr {
    return faults(this.world.entry.at(page).state, !this.#spec.pendingVe, this.world.spec.resized);
  }

  /** Does the module's stepping filter expect one? Some modules do for every pending page, also where the access would raise #VE. */
  #expectedToFault(page: number): BoolExpr {
    const { pendingFault } = this.world.lineage;
    const { entry, spec } = this.world;
    return faults(entry.at(page).state, pendingFault === "always" || !this.#spec.pendingVe, spec.resized);
  }

  /** Is the list of suspicious GPAs not empty? */
  get #suspected(): BoolExpr {
    return or(...this.#pages().map((page) => this.#listed.at(page)));
  }

  #pages(): number[] {
    return Array.from({ length: this.world.spec.pages }, (_, page) => page);
  }

  #clearList(): Effect[] {
    return [
      ...this.#pages().map((page) => set(this.#listed.at(page), false)),
      ...(this.#count === null ? [] : [set(this.#count, 0)]),
    ];
  }

  /**
   * May the guest begin another instruction? An IPI that waits ends the TD's run before the next one, also when the one before was a
   * TDCALL: the module runs with interrupts off, enters the TD again, and the external interrupt is a TD exit (async_tdexit_to_vmm).
   */
  get #runs(): BoolExpr {
    return not(this.#host.kicking);
  }

  /** The vCPU is out of guest mode, interrupts are on: an IPI that waited is taken. */
  #interruptsOn(): Effect[] {
    const { inGuestMode, kicking } = this.#host;
    const left = exists(this.world.spec.vcpu, (v) => inGuestMode.at(v));
    return [set(inGuestMode.at(this.p.self), false), set(kicking, and(kicking, left))];
  }

  /** The host marks the vCPU as in guest mode and looks whether entry is barred, in one order or the other. */
  #runLoop(): void {
    const { barred, inGuestMode, kicking } = this.#host;
    const mine = inGuestMode.at(this.p.self);
    const enter = "enter";
    const mark = { action: "effect", note: "marked as in guest mode, interrupts off" };
    const letIn = { stretch: KEPT_OUT, as: "let in" };
    if (this.#spec.checkBeforeMark) {
      this.p.step("outside", {
        when: not(barred),
        next: "checked",
        meta: { action: "effect", note: "entry is not barred" },
      });
      this.p.step("checked", { when: not(kicking), do: [set(mine, true)], next: enter, meta: mark });
      this.p.idle("checked");
    } else {
      this.p.step("outside", { when: not(kicking), do: [set(mine, true)], next: "marked", meta: mark });
      this.p.step("marked", {
        when: not(barred),
        next: enter,
        meta: { action: "effect", note: "entry is not barred", ends: letIn },
      });
      this.p.step("marked", {
        when: or(barred, kicking),
        do: this.#interruptsOn(),
        next: "outside",
        meta: { action: "effect", note: "entry is barred, or an exit is asked for: back out", begins: KEPT_OUT },
      });
    }
    this.p.idle("outside");
  }

  /** TDH.VP.ENTER up to TD entry. Locks come from the catalog; where each is given back, too. */
  #enter(): void {
    const { enter } = this.#leaves;
    const rows = enter.acquisitions.filter(({ mode, resource }) => mode !== "NO_LOCK" && this.world.models(resource));
    const early = rows.filter(({ resource }) => resource !== "TDCS_EPOCH" && resource !== "SEPT_TREE");
    let label = "enter";
    early.forEach((row, i) => {
      const next = early[i + 1] === undefined ? "enter epoch" : `enter ${early[i + 1]?.resource}`;
      this.#try(label, row, next, this.#undo(early.slice(0, i), { end: "busy", refused: row }));
      label = next;
    });
    const epoch = rows.find(({ resource }) => resource === "TDCS_EPOCH");
    const start = early.length === 0 ? "enter" : "enter epoch";
    if (epoch === undefined)
      this.p.step(start, {
        do: this.world.epochs.enter(this.world.spec.vcpu.self),
        next: "enter filter",
        meta: this.#effect("counted into the TD epoch"),
      });
    else this.#epochSection(start, epoch, early);
    this.#steppingFilter(
      rows.find(({ resource }) => resource === "SEPT_TREE"),
      early,
    );
  }

  #effect(note: string): StepMeta {
    return { leaf: this.#leaves.enter.name, action: "effect", note };
  }

  /** A lock that the catalog says is given back. */
  #released(row: Acquisition): readonly Effect[] {
    return row.release === null ? [] : this.world.release(row, 0);
  }

  #releaseMeta(row: Acquisition): StepMeta {
    const { enter } = this.#leaves;
    return row.release === null
      ? this.#effect("not given back")
      : this.#caller.locks.meta(enter, "release", this.#lock(row));
  }

  #lock(row: Acquisition): Held {
    return { row, object: this.world.indexed(row) ? this.p.self : 0 };
  }

  #try(label: string, row: Acquisition, granted: string, busy: string, onBusy: readonly Effect[] = []): void {
    this.#caller.locks.attempt(label, this.#leaves.enter, this.#lock(row), { granted, busy, onBusy });
  }

  /** The label from which these locks are given back one by one, and the vCPU leaves guest mode. */
  #undo(rows: readonly Acquisition[], end: CallEnd, to = "leave", name = "undo"): string {
    if (to === "leave") this.#leave();
    const label = (held: readonly Held[], way: string): string =>
      `${name} ${held.map(({ row }) => row.resource).join("+")}${way}`;
    return this.#caller.locks.leave(
      this.#leaves.enter,
      rows.map((row) => this.#lock(row)),
      end,
      to,
      label,
      intoGuest(to),
    );
  }

  /** The label at which entry that was refused leaves guest mode; where no lock can be refused, there is none. */
  #leave(): string {
    const label = "leave";
    if (!this.#hasLeave) {
      this.#hasLeave = true;
      this.p.step(label, {
        do: this.#interruptsOn(),
        next: "outside",
        meta: { action: "effect", note: "out of guest mode, interrupts on" },
      });
    }
    return label;
  }
  #hasLeave = false;

  #epochSection(start: string, row: Acquisition, early: readonly Acquisition[]): void {
    this.#try(start, row, "enter count", this.#undo(early, { end: "busy", refused: row }));
    this.p.step("enter count", {
      do: this.world.epochs.enter(this.world.spec.vcpu.self),
      next: "enter uncount",
      meta: this.#effect("counted into the TD epoch"),
    });
    this.p.step("enter uncount", {
      do: this.#released(row),
      next: "enter filter",
      meta: this.#releaseMeta(row),
    });
  }

  /** Under suspicion entry takes the SEPT tree lock and looks whether a listed page would fault again. */
  #steppingFilter(tree: Acquisition | undefined, early: readonly Acquisition[]): void {
    const before = this.#beforeEntry(early);
    if (!this.#spec.touches) {
      this.p.step("enter filter", { next: before, meta: this.#effect("no zero-step suspicion") });
      return;
    }
    this.p.step("enter filter", {
      when: not(this.#suspected),
      next: before,
      meta: { ...this.#effect("no zero-step suspicion"), ...intoGuest(before) },
    });
    if (tree === undefined) {
      this.p.step("enter filter", {
        when: this.#suspected,
        next: "enter walk",
        meta: this.#effect("zero-step suspected"),
      });
    } else {
      this.p.step("enter filter", {
        when: this.#suspected,
        next: "enter tree",
        meta: this.#effect("zero-step suspected"),
      });
      this.#try(
        "enter tree",
        tree,
        "enter walk",
        this.#undo(early, { end: "busy", refused: tree }),
        this.world.epochs.leave(this.world.spec.vcpu.self),
      );
    }
    this.#walkListed(tree, before, early);
  }

  /** Locks that are given back right before the TD runs; the rest is held until TD exit. */
  #beforeEntry(held: readonly Acquisition[]): string {
    const temporary = held.filter(({ release }) => release?.kind === "before-td-entry");
    return this.#undo(temporary, { end: "success" }, "guest", "enter give back");
  }

  #walkListed(tree: Acquisition | undefined, before: string, early: readonly Acquisition[]): void {
    const expected = (page: number) => and(this.#listed.at(page), this.#expectedToFault(page));
    const none = not(or(...this.#pages().map(expected)));
    const release = tree === undefined ? [] : this.#released(tree);
    const given = (note: string): StepMeta =>
      tree === undefined ? this.#effect(note) : { ...this.#releaseMeta(tree), note };
    const note = "no listed page would fault";
    // The module keeps the tree until right before entry, too, and gives others back before it (1.5.05 tdh_vp_enter.c:811, then 910).
    const others = early.some((row) => row.release?.kind === "before-td-entry");
    if (others && tree?.release?.kind === "before-td-entry")
      this.p.step("enter walk", { when: none, next: this.#beforeEntry([...early, tree]), meta: this.#effect(note) });
    else
      this.p.step("enter walk", {
        when: none,
        do: release,
        next: before,
        meta: { ...given(note), ...intoGuest(before) },
      });
    for (const page of this.#pages()) {
      this.p.step("enter walk", {
        when: expected(page),
        do: [...release, set(this.#page, page)],
        next: "enter revert",
        meta: given("a listed page would fault"),
      });
    }
    const back = this.#undo(early, { end: "other" }, "leave to fault", "enter refuse");
    this.p.step("enter revert", {
      do: this.world.epochs.leave(this.world.spec.vcpu.self),
      next: back,
      meta: this.#effect("TD exit as for an EPT violation, without entry"),
    });
    this.p.step("leave to fault", {
      do: this.#interruptsOn(),
      next: "fault",
      meta: { action: "effect", note: "out of guest mode, interrupts on" },
    });
  }

  /** A TDCALL on one SEPT entry, lock and effect as steps. The lock bit is taken before host priority is looked at: others see it in between. */
  #guestCall({ leaf, prefix, body, late, below }: GuestCall): void {
    const row = leaf.acquisitions.find(({ resource }) => resource === "SEPT_ENTRY");
    if (row === undefined)
      throw new SeamlockError("SL4211", `the module's catalog does not list SEPT_ENTRY for ${leaf.name}`, {
        hint: "the model needs that lock: check the catalog's diagnostics, or choose another scenario",
      });
    const meta: EntryMeta = (action, object, more = {}) => ({
      leaf: leaf.name,
      action,
      resource: "SEPT_ENTRY",
      mode: row.mode,
      object,
      ...more,
    });
    const again = this.#spec.insists && late !== true ? refusedAt(prefix) : "guest";
    const over = this.world.pages;
    if (late === true) this.#walk(leaf, prefix, row, meta);
    else {
      const attempt = (page: IntExpr, granted: boolean): StepSpec => {
        const spec = this.#tryEntry(page, prefix, again, granted, row, meta);
        return below === undefined ? spec : { ...spec, when: and(spec.when ?? true, not(below(page))) };
      };
      this.p.choose("guest", { x: over }, ({ x }) => attempt(x, true));
      this.p.choose("guest", { x: over }, ({ x }) => attempt(x, false));
      if (this.#spec.insists) this.#insist(again, attempt, below);
    }
    this.#hostPriority(prefix, again, meta, row.busyStatus);
    this.#guestBody(leaf, prefix, meta, body);
  }

  /** The walk to a free entry; it runs to the end of the TDCALL, whatever is kicked meanwhile. */
  #walk(leaf: Leaf, prefix: string, row: Acquisition, meta: EntryMeta): void {
    const walked = `${prefix} walked`;
    this.p.choose("guest", { x: this.world.pages }, ({ x }) => ({
      when: and(this.#runs, eq(this.world.entry.at(x).state, Sept.FREE)),
      do: [set(this.#page, x)],
      next: walked,
      meta: { leaf: leaf.name, action: "effect", note: "its walk finds the entry free" },
    }));
    const { locked } = this.world.entry.at(this.#page);
    const attempt = (granted: boolean) => this.#tryEntry(this.#page, prefix, "guest", granted, row, meta);
    const refused = attempt(false);
    this.p.step(walked, { ...attempt(true), when: not(locked) });
    this.p.step(walked, { ...refused, when: locked, do: [...(refused.do ?? []), set(this.#page, 0)] });
  }

  #tryEntry(
    page: IntExpr,
    prefix: string,
    again: string,
    granted: boolean,
    row: Acquisition,
    meta: EntryMeta,
  ): StepSpec {
    const { locked } = this.world.entry.at(page);
    const mine = set(this.#page, page);
    if (granted)
      return {
        when: and(this.#runs, not(locked)),
        do: [set(locked, true), mine],
        next: `${prefix} priority`,
        meta: meta("acquire", page, { result: "ok" }),
      };
    const status = row.busyStatus === null ? {} : { status: row.busyStatus };
    return {
      when: and(this.#runs, locked),
      do: [...(this.#spec.insists ? [mine] : []), ...this.#forgetHostPriority()],
      next: again,
      meta: meta("acquire", page, { result: BUSY, ...status }),
    };
  }

  /** A guest that was refused tries the same page again, unless an interrupt ends its run. */
  #insist(label: string, attempt: (page: IntExpr, granted: boolean) => StepSpec, below: GuestCall["below"]): void {
    const interrupted = this.#interrupted;
    this.p.step(label, attempt(this.#page, true));
    this.p.step(label, attempt(this.#page, false));
    if (below !== undefined)
      this.p.step(label, {
        when: and(this.#runs, below(this.#page)),
        do: [set(this.#page, 0), ...this.#forgetHostPriority()],
        next: "guest",
        meta: { action: "effect", note: "its walk goes on to a small page" },
      });
    this.p.step(label, {
      when: interrupted,
      do: [set(this.#page, 0)],
      next: "exit",
      meta: { leaf: this.#leaves.enter.name, action: "td-exit", note: "interrupt, after progress" },
    });
  }

  /** A TDCALL that returns something else than host priority. One that ends in a TD exit does not come here. */
  #forgetHostPriority(): Effect[] {
    if (this.#watch === null) return [];
    return [set(this.#watch.busy.at(this.p.self), false), set(this.#watch.late.at(this.p.self), false)];
  }

  /**
   * With the lock's bit a guest looks at host priority, and gives way. Its TDCALL was refused, though nobody holds the entry: the dispatcher
   * turns TDX_OPERAND_BUSY_HOST_PRIORITY into TDX_OPERAND_BUSY (td_dispatcher/tdx_td_dispatcher.c:415, 1.5.25: 432).
   */
  #hostPriority(prefix: string, again: string, meta: EntryMeta, status: string | null): void {
    const entry = this.world.entry.at(this.#page);
    const result = { result: BUSY, note: "host priority: give way", ...(status !== null && { status }) };
    const unlock = set(entry.locked, false);
    const forget = again === "guest" ? [set(this.#page, 0)] : [];
    const late = this.#watch === null ? false : this.#watch.late.at(this.p.self);
    const noted = this.#watch === null ? [] : [set(this.#watch.busy.at(this.p.self), true)];
    const { copy } = this.#caller.writer;
    this.p.step(`${prefix} priority`, {
      when: not(entry.hp),
      next: copy === null ? `${prefix} body` : `${prefix} copy`,
      meta: { action: "effect", note: "no host priority" },
    });
    if (copy !== null)
      this.p.step(`${prefix} copy`, {
        do: this.#caller.writer.read(this.#page),
        next: `${prefix} body`,
        meta: { action: "effect", note: "the entry is read under its lock" },
      });
    this.p.step(`${prefix} priority`, {
      when: and(entry.hp, not(late)),
      do: [unlock, ...forget, ...noted],
      next: again,
      meta: meta("release", this.#page, result),
    });
    if (this.#watch === null) return;
    this.p.step(`${prefix} priority`, {
      when: and(entry.hp, late),
      do: [unlock, set(this.#page, 0), ...this.#forgetHostPriority()],
      next: this.#leavesBy("host-priority-timeout", "exit"),
      meta: meta("release", this.#page, {
        ...result,
        note: "host priority for too long: TD exit, TDX_HOST_PRIORITY_BUSY_TIMEOUT",
      }),
    });
  }

  /** The body; an effect on the entry is a step of its own before the entry is unlocked. */
  #guestBody(leaf: Leaf, prefix: string, meta: EntryMeta, body: SizedBody): void {
    const { checks, violates, write, note } = body;
    const label = `${prefix} body`;
    const { writer } = this.#caller;
    const unlock = [...this.world.entry.release(this.#page), ...writer.forget()];
    const done = [...unlock, set(this.#page, 0), ...this.#forgetHostPriority()];
    const code = (name: string) => {
      const status = statusCode(this.world.spec.catalog, name);
      return status === undefined ? {} : { status };
    };
    for (const check of checks)
      this.p.step(label, {
        when: check.when,
        do: check.never === undefined ? done : [...done, assertThat(check.never, false)],
        next: "guest",
        meta: meta("release", this.#page, { note: check.note, ...code(check.status) }),
      });
    this.p.step(label, {
      when: violates,
      do: unlock,
      next: "fault exit",
      meta: meta("release", this.#page, { note: "illegal on the entry's state: TD exit, EPT violation" }),
    });
    if (this.#spec.touches)
      this.p.step(label, {
        when: violates,
        do: [...unlock, ...this.#clearList()],
        next: "fault exit",
        meta: meta("release", this.#page, { note: "the same, at a new instruction: zero-step tracking is reset" }),
      });
    const success = not(or(violates, ...checks.map(({ when }) => when)));
    if (write === null) {
      this.p.step(label, { when: success, do: done, next: "guest", meta: meta("release", this.#page, { note }) });
      return;
    }
    const put = (as: string, what: EntryWrite, when: BoolLike, told: string): void => {
      const writes = writer.steps(what, writer.copy?.locked ?? true);
      let here = label;
      writes.forEach((effects, i) => {
        const first = i === 0;
        const next = i === writes.length - 1 ? `${as} unlock` : `${as} store`;
        const step = { leaf: leaf.name, action: "effect", note: first ? told : STORED_AGAIN };
        this.p.step(here, { when: first ? and(success, when) : true, do: effects, next, meta: step });
        here = next;
      });
      this.p.step(here, { do: done, next: "guest", meta: meta("release", this.#page) });
    };
    put(prefix, write, true, note);
    // vm_exits/tdg_mem_page_accept.c:259: after each 4 KB of a larger page but the last one.
    if (this.#spec.largePages && body.inParts)
      put(
        `${prefix} in part`,
        { ...write, state: Sept.PENDING },
        this.#interrupted,
        "interrupted: accepted in part, to go on",
      );
  }

  /** Can an interrupt be pending? */
  get #interrupted(): BoolLike {
    return this.#spec.interrupts ? true : this.#host.kicking;
  }

  /** EPT violations and interrupts. A new instruction pointer resets the zero-step defence; the same one feeds it. */
  #guestExits(): void {
    const exits = { leaf: this.#leaves.enter.name, action: "td-exit" };
    if (this.#spec.touches) this.#touches(exits);
    const interrupted = this.#interrupted;
    this.p.step("guest", { when: interrupted, next: "exit", meta: { ...exits, note: "interrupt, no progress" } });
    this.p.step("guest", {
      when: interrupted,
      do: this.#clearList(),
      next: "exit",
      meta: { ...exits, note: "interrupt, after progress" },
    });
  }

  /** An access to a page that is not there, or pending without #VE. */
  #touches(exits: StepMeta): void {
    const ends = this.endingExits().includes("pending-page");
    const pending = (page: IntExpr) => eq(this.world.entry.at(page).state, Sept.PENDING);
    const handled = (page: IntExpr) => and(this.#wouldFault(page), ends ? not(pending(page)) : true);
    const touch = (note: string, effects: (page: IntExpr) => readonly Effect[], when: BoolLike = true): void => {
      this.p.choose("guest", { x: this.world.pages }, ({ x }) => ({
        when: and(this.#runs, handled(x), when),
        do: [...effects(x), set(this.#page, x)],
        next: "fault exit",
        meta: { ...exits, note: `EPT violation at ${note}` },
      }));
    };
    touch("a new instruction", (x) => [...this.#clearList(), ...(this.#count === null ? [] : this.#firstFault(x))]);
    touch("the instruction of the last entry", (x) => this.#sameFault(x));
    if (this.#count === null)
      touch("the instruction of the last entry, below the threshold", () => [], not(this.#suspected));
    if (!ends) return;
    this.p.choose("guest", { x: this.world.pages }, ({ x }) => ({
      when: and(this.#runs, pending(x)),
      next: leavingBy("pending-page"),
      meta: { ...exits, note: "EPT violation of a pending page, #VE disabled: the host does not go on" },
    }));
  }

  #firstFault(page: IntExpr): Effect[] {
    const { zeroStep } = this.#spec;
    if (zeroStep.kind === "any" || this.#count === null) return [];
    return zeroStep.threshold === 0 ? [set(this.#listed.at(page), true)] : [set(this.#count, 1)];
  }

  #sameFault(page: IntExpr): Effect[] {
    const { zeroStep } = this.#spec;
    const list = set(this.#listed.at(page), true);
    if (zeroStep.kind === "any" || this.#count === null) return [list];
    const below = lt(this.#count, zeroStep.threshold);
    // biome-ignore lint/suspicious/noThenProperty: the branch of a conditional effect
    return [{ kind: "if", condition: below, then: [set(this.#count, add(this.#count, 1))], else: [list] }];
  }

  /** TD exit: count out of the epoch, give back what was held while the TD ran, turn interrupts on. */
  #exit(label: string, to: string): void {
    const held = this.#leaves.enter.acquisitions.filter(
      ({ mode, release, resource }) => mode !== "NO_LOCK" && release?.kind === "td-exit" && this.world.models(resource),
    );
    const out = `${label} out`;
    this.p.step(label, {
      do: this.world.epochs.leave(this.world.spec.vcpu.self),
      next: this.#undo(held, { end: "success" }, out, label),
      meta: this.#effect("TD exit, counted out of the epoch"),
    });
    this.p.step(out, {
      do: this.#interruptsOn(),
      next: to,
      meta: { action: "effect", note: "out of guest mode, interrupts on", begins: OUT },
    });
  }
}
