/**
 * Random small models in which much is alike or unseen, so that reductions take hold of them, with here and there something that they must
 * heed: pages (a scalar set) that processes take and give back, instances that know each other by number, arrays of one's own over both,
 * variables that are set, used and reset within a step, counters, and locks that are held on conditions and tried in vain.
 */
import fc from "fast-check";
import * as L from "../../src/language/index.ts";
import { Dice } from "./random-model.ts";

/** What a process may do with a variable. */
interface Rights {
  readonly reads: boolean;
  readonly writes: boolean;
}
const NONE: Rights = { reads: false, writes: false };
const OWN: Rights = { reads: true, writes: true };

/** An element of a variable, given an index of the kind that it takes; plain variables take none. */
type Place = {
  readonly over: "page" | "instance" | "number" | null;
  readonly rights: Rights;
  /** A number that it may be set to, beside indices. */
  readonly resets?: number;
  /** Set, used and reset within a step, and by nothing else. */
  readonly isScratch?: boolean;
} & (
  | { readonly of: "bool"; readonly at: (index: L.IntExpr) => L.BoolRef }
  | { readonly of: "int" | "page" | "instance"; readonly at: (index: L.IntExpr) => L.IntRef }
);
type PlaceOf<K extends Place["of"]> = Place & { readonly of: K };

/** Who speaks: a process type with its places, or a property (no process). */
interface Speaker {
  readonly process: L.ProcessBuilder | null;
  readonly places: readonly Place[];
  /** Chosen values that can be named, and bound ones. */
  readonly pages: readonly L.IntExpr[];
  readonly instances: readonly L.IntExpr[];
}

const PAGES = 2;

/** What most of a model is about. */
type Theme = "pages" | "instances" | "unseen" | "all";

/** Makes expressions and effects for one model. */
class Grammar {
  readonly dice: Dice;
  readonly page: L.ScalarSet;
  readonly processes: readonly L.ProcessBuilder[];
  /** One in so many choices names one of those that are alike; 0: none does. */
  readonly odd: number;
  readonly theme: Theme;
  /** A variable that one process writes, and that nobody reads but what is told of holds and of failed tries. */
  readonly told: L.IntRef | null;

  constructor(
    dice: Dice,
    world: { page: L.ScalarSet; processes: readonly L.ProcessBuilder[]; theme: Theme; told: L.IntRef | null },
  ) {
    this.dice = dice;
    this.page = world.page;
    this.processes = world.processes;
    this.theme = world.theme;
    this.told = world.told;
    this.odd = dice.pick(this.theme === "all" ? [0, 0, 24, 8] : [0, 0, 0, 24]);
  }

  #isOdd = (): boolean => this.odd > 0 && this.dice.roll(this.odd) === 0;
  #chance = (sides: number): boolean => this.dice.roll(sides) === 0;
  get first(): L.ProcessBuilder {
    return this.processes[0] as L.ProcessBuilder;
  }

  /** An index of this kind; null: none can be named. */
  index(who: Speaker, over: Place["over"], depth = 1): L.IntExpr | null {
    if (over === null) return L.int(0);
    if (over === "page") return this.pageIndex(who, depth);
    if (over === "instance") return this.instanceIndex(who, depth);
    return this.#chance(3) ? L.mod(this.int(who, 0), 2) : L.int(this.dice.roll(2));
  }

  pageIndex(who: Speaker, depth = 1): L.IntExpr | null {
    if (this.#isOdd()) return this.#chance(4) ? L.mod(this.int(who, 0), PAGES) : L.int(this.dice.roll(PAGES));
    const kept = depth > 0 ? this.#all(who, "page", "reads", depth - 1) : [];
    const all = [...who.pages, ...who.pages, ...kept];
    if (all.length === 0) return null;
    if (all.length > 1 && this.#chance(8)) return L.ite(this.bool(who, 0), this.dice.pick(all), this.dice.pick(all));
    return this.dice.pick(all);
  }

  instanceIndex(who: Speaker, depth = 1): L.IntExpr | null {
    if (this.#isOdd()) return this.#chance(3) ? L.int(this.dice.roll(2)) : L.mod(this.int(who, 0), 2);
    const kept = depth > 0 && this.#isOdd() ? this.#all(who, "instance", "reads", depth - 1) : [];
    const all = [...who.instances, ...who.instances, ...kept];
    return all.length === 0 ? null : this.dice.pick(all);
  }

  /** All places of a kind that may be read or written, each at some index. */
  #all<K extends Place["of"]>(who: Speaker, of: K, right: keyof Rights, depth: number): ReturnType<PlaceOf<K>["at"]>[] {
    const found = who.places.filter(
      (place): place is PlaceOf<K> => place.of === of && place.rights[right] && !place.isScratch,
    );
    return found.flatMap((place) => {
      const index = this.index(who, place.over, depth);
      return index === null ? [] : [place.at(index) as ReturnType<PlaceOf<K>["at"]>];
    });
  }

  int(who: Speaker, depth: number): L.IntExpr {
    const kind = this.dice.roll(depth > 0 ? 8 : 3);
    const all = this.#all(who, "int", "reads", 1);
    if (kind === 0 || all.length === 0) return L.int(this.dice.roll(3));
    if (kind <= 3) return this.dice.pick(all);
    if (kind === 4) return L.add(this.int(who, 0), this.int(who, 0));
    if (kind === 5) return L.ite(this.bool(who, depth - 1), this.int(who, 0), this.int(who, 0));
    if (kind === 6 && this.#isOdd()) return this.pageIndex(who) ?? L.int(1);
    return L.count(...this.#quantified(who, depth));
  }

  /** Over pages, instances or numbers, something of each. */
  #quantified(who: Speaker, depth: number): [L.Range, (i: L.IntExpr) => L.BoolExpr] {
    const over = this.dice.roll(5);
    if (over <= 1)
      return [this.page, (i) => this.bool({ ...who, pages: [i], places: this.#withOnly(who, "page") }, depth - 1)];
    if (over <= 3)
      return [
        this.first,
        (i) =>
          this.#chance(2)
            ? this.at(i)
            : this.bool({ ...who, instances: [i], places: this.#withOnly(who, "instance") }, depth - 1),
      ];
    return [2, (i) => this.bool({ ...who, pages: this.#isOdd() ? [i] : [] }, depth - 1)];
  }
  /** Mostly what is declared over these. */
  #withOnly(who: Speaker, over: "page" | "instance"): readonly Place[] {
    const some = who.places.filter((place) => place.over === over && place.of === "bool");
    return some.length === 0 || this.#chance(3) ? who.places : some;
  }

  /** Where an instance of the first type stands. */
  at(i: L.IntExpr): L.BoolExpr {
    return this.first.at(i, ...this.labels());
  }
  labels(): string[] {
    const label = this.dice.roll(LABELS);
    return this.#chance(3) ? [`l${label}`, `l${(label + 1) % LABELS}`] : [`l${label}`];
  }

  bool(who: Speaker, depth: number): L.BoolExpr {
    const kind = this.dice.roll(depth > 0 ? 13 : 4);
    const all = this.#all(who, "bool", "reads", depth > 0 ? 1 : 0);
    if (kind <= 2 && all.length > 0) return this.dice.pick(all);
    if (kind === 3 || depth <= 0) return L.bool(this.dice.roll(4) !== 0);
    if (kind <= 5) return L.not(this.bool(who, depth - 1));
    if (kind === 6) return L.and(this.bool(who, depth - 1), this.bool(who, depth - 1));
    if (kind === 7) return L.or(this.bool(who, depth - 1), this.bool(who, depth - 1));
    if (kind === 8) return this.dice.pick([L.eq, L.lt, L.ge, L.ne])(this.int(who, 1), this.int(who, 0));
    if (kind === 9) return this.#compared(who);
    if (kind === 10) return this.#somewhere(who);
    if (kind === 11) return this.dice.pick([L.exists, L.forall])(...this.#quantified(who, depth));
    return L.iteBool(this.bool(who, 0), this.bool(who, 0), this.bool(who, 0));
  }

  #compared(who: Speaker): L.BoolExpr {
    if (this.#chance(3)) {
      const [a, b] = [this.instanceIndex(who), this.instanceIndex(who)];
      if (a !== null && b !== null) return (this.#isOdd() ? L.lt : this.dice.pick([L.eq, L.ne]))(a, b);
    }
    const [a, b] = [this.pageIndex(who), this.#chance(3) ? L.int(PAGES) : this.pageIndex(who)];
    if (a === null || b === null) return L.bool(true);
    return (this.#isOdd() ? L.lt : this.dice.pick([L.eq, L.ne]))(a, b);
  }

  #somewhere(who: Speaker): L.BoolExpr {
    const process = this.dice.pick(this.processes);
    const index = process === this.first ? this.instanceIndex(who) : L.int(this.dice.roll(process.size));
    return index === null ? L.bool(true) : process.at(index, ...this.labels());
  }

  effect(who: Speaker, depth = 1): L.Effect[] {
    const onPages = depth > 0 && this.theme === "pages" ? this.dice.roll(8) : 4;
    if (onPages <= 1) return this.#scratched(who);
    if (onPages >= 5) return this.#onPage(who, this.pageIndex(who));
    const kind = this.dice.roll(depth > 0 ? 14 : 8);
    if (kind <= 2) return this.#setOne(who, "bool");
    if (kind <= 4) return this.#setOne(who, "int");
    if (kind <= 6) return this.#setOne(who, "page");
    if (kind === 7) return this.#setOne(who, "instance");
    if (kind === 8) return [L.when(this.bool(who, 1), this.effect(who, 0), this.#chance(2) ? [] : this.effect(who, 0))];
    if (kind === 9) return [L.assertThat("claim", L.or(this.bool(who, 1), this.dice.roll(4) !== 0))];
    if (kind === 10) return this.#unrolled(who);
    if (kind === 11) return this.#counted(who);
    return this.#scratched(who);
  }

  #setOne(who: Speaker, of: Place["of"]): L.Effect[] {
    if (of === "bool") {
      const all = this.#all(who, "bool", "writes", 1);
      return all.length === 0 ? [] : [L.set(this.dice.pick(all), this.bool(who, 1))];
    }
    const places = who.places.filter((one) => one.of === of && one.rights.writes && !one.isScratch);
    const place = this.dice.pick(places) as PlaceOf<typeof of> | undefined;
    const index = place === undefined ? null : this.index(who, place.over);
    if (place === undefined || index === null) return [];
    const target = place.at(index) as L.IntRef;
    if (of === "int") return [L.set(target, this.#chance(2) ? L.int(this.dice.roll(3)) : L.mod(this.int(who, 1), 3))];
    const value = this.#chance(4)
      ? L.int(place.resets ?? 0)
      : of === "page"
        ? this.pageIndex(who)
        : this.instanceIndex(who);
    return value === null ? [] : [L.set(target, value)];
  }

  #counted(who: Speaker): L.Effect[] {
    const all = this.#all(who, "int", "writes", 1);
    if (all.length === 0) return [];
    const target = this.dice.pick(all);
    return [this.#chance(2) ? L.when(L.lt(target, 2), [L.inc(target)]) : L.when(L.gt(target, 0), [L.dec(target)])];
  }

  /** Something is done with a page. */
  #onPage(who: Speaker, page: L.IntExpr | null): L.Effect[] {
    const arrays = who.places.filter((one) => one.over === "page" && one.of === "bool" && one.rights.writes);
    const array = this.dice.pick(arrays) as PlaceOf<"bool"> | undefined;
    if (array === undefined || page === null) return [];
    return [L.set(array.at(page), this.#chance(2) ? L.not(array.at(page)) : this.#chance(2))];
  }

  /** The same with each page. */
  #unrolled(who: Speaker): L.Effect[] {
    const places = who.places.filter(({ over, of, rights }) => over === "page" && of === "bool" && rights.writes);
    if (places.length === 0) return [];
    const [to, from] = [this.dice.pick(places) as PlaceOf<"bool">, this.dice.pick(who.places)];
    const [kind, value] = [this.dice.roll(3), this.dice.roll(2) === 0];
    return [0, 1].flatMap((i) => {
      const read = from.of === "bool" && from.over === "page" ? from.at(L.int(i)) : L.bool(value);
      if (kind === 0) return [L.set(to.at(L.int(i)), read)];
      if (kind === 1) return [L.when(read, [L.set(to.at(L.int(i)), value)])];
      return [L.set(to.at(L.int(this.#isOdd() ? 0 : i)), L.not(read))];
    });
  }

  /** A variable of one's own is set to a page, used, and set back. */
  #scratched(who: Speaker): L.Effect[] {
    const own = who.places.filter(
      (one) => one.isScratch || (this.#isOdd() && one.of === "page" && one.over === null && one.rights.writes),
    );
    if (own.length === 0) return [];
    const place = this.dice.pick(own) as PlaceOf<"page">;
    const variable = place.at(L.int(0));
    const page = (this.#chance(8) ? this.pageIndex(who) : null) ?? L.int(this.#chance(4) ? 0 : 1);
    const used = this.#chance(3) ? this.effect({ ...who, pages: [variable] }, 0) : this.#onPage(who, variable);
    const value = this.#chance(6) ? 1 : (place.resets ?? 0);
    return [L.set(variable, page), ...used, L.set(variable, value)];
  }
}

const LABELS = 3;
const RESOURCES = ["A", "A", "A", "A", "A", "B"];
const MODES = ["EXCLUSIVE", "EXCLUSIVE", "SHARED", "NO_LOCK"];

/** An object of a lock: nothing, a number, or what tells it apart. */
function objectOf(grammar: Grammar, who: Speaker): L.IntExpr | undefined {
  const kind = grammar.dice.roll(8);
  if (kind === 0) return undefined;
  if (kind >= 6 && grammar.told !== null && grammar.theme !== "pages") return grammar.told;
  if (kind === 1 || grammar.theme === "pages") return grammar.pageIndex(who) ?? undefined;
  if (kind === 2) return grammar.instanceIndex(who) ?? undefined;
  return kind === 3 ? L.int(grammar.dice.roll(2)) : grammar.int(who, 1);
}

/** A condition of a hold. */
function conditionOf(grammar: Grammar, who: Speaker): L.BoolExpr {
  const { dice, told } = grammar;
  return told !== null && dice.roll(2) === 0 ? L.eq(told, dice.roll(3)) : grammar.bool(who, 1);
}

function metaOf(grammar: Grammar, who: Speaker): L.StepMeta {
  const { dice } = grammar;
  const kind = dice.roll(6);
  if (kind > 3) return {};
  const object = objectOf(grammar, who);
  const lock = dice.roll(4) === 0 && { lock: dice.pick(RESOURCES) };
  const meta = {
    leaf: `${who.process?.name}-leaf`,
    resource: dice.pick(RESOURCES),
    ...lock,
    ...(object && { object }),
  };
  if (kind === 0) return { ...meta, action: "release" };
  const mode = dice.pick(MODES.slice(0, 3));
  return { ...meta, action: "acquire", mode, result: kind === 1 ? "ok" : L.BUSY };
}

/** How a process takes a page on its way to some labels and gives it back when it leaves them, and how it counts there. */
interface Ways {
  readonly inside: (label: number) => boolean;
  readonly held: L.IntRef | null;
  readonly locked: L.BoolRef | null;
  readonly reset: number;
  readonly counter: L.IntRef | null;
}

function stepOf(grammar: Grammar, who: Speaker, from: number, onward: boolean, ways: Ways): void {
  const { dice, page, first } = grammar;
  const process = who.process as L.ProcessBuilder;
  const to = onward ? (from + 1) % LABELS : dice.roll(LABELS);
  const { inside, held, counter } = ways;
  const [enters, leaves] = [!inside(from) && inside(to), inside(from) && !inside(to)];
  const spec = (me: Speaker): L.StepSpec => {
    const taken = me.pages[0];
    const extra: L.Effect[] = [];
    let free: L.BoolExpr = L.bool(true);
    if (counter !== null && enters) extra.push(L.inc(counter));
    if (counter !== null && leaves) extra.push(L.dec(counter));
    if (held !== null && enters && taken !== undefined) {
      extra.push(L.set(held, taken));
      if (ways.locked !== null) {
        free = L.not({ ...ways.locked, index: taken });
        extra.push(L.set({ ...ways.locked, index: taken }, true));
      }
    }
    if (held !== null && leaves) {
      if (ways.locked !== null) extra.push(L.set({ ...ways.locked, index: held }, false));
      extra.push(L.set(held, ways.reset));
    }
    const effects = Array.from({ length: dice.roll(3) }, () => grammar.effect(me)).flat();
    const guard = dice.roll(2) === 0 ? L.bool(true) : grammar.bool(me, 2);
    if (grammar.told !== null && process === grammar.processes.at(-1) && dice.roll(3) > 0)
      extra.push(L.set(grammar.told, dice.roll(3)));
    const all = dice.roll(3) === 0 ? [...extra, ...effects] : [...effects, ...extra];
    return { when: L.and(free, guard), do: all, next: `l${to}`, meta: metaOf(grammar, me) };
  };
  const label = `l${from}`;
  const kind = dice.roll(grammar.theme === "pages" ? 4 : 8);
  if (kind <= 1 || (held !== null && enters))
    process.choose(label, { x: page }, ({ x }) => spec({ ...who, pages: [x, ...who.pages] }));
  else if (kind === 2)
    process.choose(label, { i: first }, ({ i }) => spec({ ...who, instances: [i, ...who.instances] }));
  else if (kind === 3 && !onward)
    // A step for each page, by number; alike when the same numbers are rolled for both.
    for (const i of [0, 1]) {
      const read = who.places.find((place) => place.over === "page" && place.of === "bool" && place.rights.reads);
      const when = read === undefined ? true : (read as PlaceOf<"bool">).at(L.int(i));
      const write = who.places.find((place) => place.over === "page" && place.of === "bool" && place.rights.writes);
      const effects = write === undefined ? [] : [L.set((write as PlaceOf<"bool">).at(L.int(i)), false)];
      process.step(label, { when, do: effects, next: label });
    }
  else process.step(label, spec(who));
}

/** Declares variables, each with what every process may do with it. */
class Places {
  readonly #dice: Dice;
  readonly #m: L.ModelBuilder;
  readonly #types: number;
  /** By process type. */
  readonly of: Place[][];

  constructor(dice: Dice, m: L.ModelBuilder, types: number) {
    this.#dice = dice;
    this.#m = m;
    this.#types = types;
    this.of = Array.from({ length: types }, () => []);
  }

  #declared(place: (rights: Rights) => Place, shared = 4): void {
    const writer = this.#dice.roll(this.#types);
    for (const [i, places] of this.of.entries()) {
      // Much is written by one only, and read by few.
      const writes = i === writer || this.#dice.roll(shared) === 0;
      places.push(place({ writes, reads: this.#dice.roll(i === writer ? 2 : 3) === 0 }));
    }
  }

  variable(name: string, of: "bool" | "int" | "page" | "instance", type: L.VariableType, init = 0): void {
    if (of === "bool") {
      const variable = this.#m.variable(name, L.boolType);
      return this.#declared((rights) => ({ of, over: null, rights, at: () => variable }));
    }
    const variable = this.#m.variable(name, type as ReturnType<typeof L.intType>, init);
    const resets = of === "page" ? { resets: PAGES } : {};
    this.#declared((rights) => ({ of, over: null, rights, at: () => variable, ...resets }));
  }

  array(name: string, of: "bool" | "int" | "page", type: L.VariableType, range: L.Range, over: Place["over"]): void {
    const differs = this.#dice.roll(16) === 0;
    if (of === "bool") {
      const array = this.#m.array(
        name,
        L.boolType,
        range,
        differs ? [true, false, false].slice(0, L.rangeSize(range)) : false,
      );
      return this.#declared((rights) => ({ of, over, rights, at: (i) => array.at(i) }), over === "page" ? 2 : 4);
    }
    const array = this.#m.array(name, type as ReturnType<typeof L.intType>, range, of === "page" ? PAGES : 0);
    this.#declared((rights) => ({ of, over, rights, at: (i) => array.at(i), ...(of === "page" && { resets: PAGES }) }));
  }
}

/** Variables of a process type's own. */
function ownPlaces({ dice, page, first, theme }: Grammar, p: L.ProcessBuilder): Place[] {
  const places: Place[] = [];
  const has = () => dice.roll(3) === 0;
  if (dice.roll(3) > 0) {
    const k = p.variable("k", L.intType(0, 2));
    places.push({ of: "int", over: null, rights: OWN, at: () => k });
  }
  if (has()) {
    const mark = p.variable("mark", L.boolType);
    places.push({ of: "bool", over: null, rights: OWN, at: () => mark });
  }
  if (has()) {
    const mine = p.variable("any", L.indexType(page, true), PAGES);
    places.push({ of: "page", over: null, rights: OWN, at: () => mine, resets: PAGES });
  }
  if (dice.roll(theme === "pages" ? 2 : 4) === 0) {
    const scratch = p.variable("scratch", L.indexType(page), 0);
    places.push({ of: "page", over: null, rights: OWN, at: () => scratch, isScratch: true });
  }
  if (dice.roll(theme === "instances" ? 2 : 5) === 0) {
    const saw = p.array(
      "saw",
      L.boolType,
      first,
      dice.roll(4) === 0 ? [true, false, false].slice(0, first.size) : false,
    );
    places.push({ of: "bool", over: "instance", rights: OWN, at: (i) => saw.at(i) });
  }
  if (dice.roll(4) === 0) {
    const seen = p.array("seen", L.boolType, page);
    places.push({ of: "bool", over: "page", rights: OWN, at: (i) => seen.at(i) });
  }
  if (dice.roll(6) === 0) {
    const mate = p.variable("mate", L.indexType(first, true), 0);
    places.push({ of: "instance", over: null, rights: OWN, at: () => mate, resets: first.size });
  }
  return places;
}

/** Build the model that a list of numbers describes. */
export function alikeModelOf(numbers: readonly number[]): L.Model {
  const dice = new Dice(numbers);
  const m = L.model("alike");
  const page = m.scalarSet("page", PAGES);
  const types = 2 + dice.roll(2);
  const sizes = [dice.pick([1, 2, 2, 2, 3]), dice.pick([1, 1, 2]), 1];
  const processes = Array.from({ length: types }, (_, i) => m.process(`p${i}`, types === 3 && i === 1 ? 1 : sizes[i]));
  const theme = dice.pick<Theme>(["pages", "instances", "unseen", "all"]);
  const told = theme === "unseen" || dice.roll(4) === 0 ? m.variable("told", L.intType(0, 2)) : null;
  const grammar = new Grammar(dice, { page, processes, theme, told });
  const { first } = grammar;
  const has = () => dice.roll(3) === 0;
  const shared = new Places(dice, m, types);
  shared.variable("flag", "bool", L.boolType);
  if (has()) shared.variable("s", "int", L.intType(0, 2));
  if (has()) shared.variable("t", "int", L.intType(0, 2));
  if (has()) shared.variable("cur", "page", L.indexType(page, true), PAGES);
  if (dice.roll(6) === 0) shared.variable("who", "instance", L.indexType(first, true), 0);
  if (theme === "pages" || has()) shared.array("dirty", "bool", L.boolType, page, "page");
  if (dice.roll(5) === 0) shared.array("tally", "int", L.intType(0, 1), page, "page");
  if (dice.roll(8) === 0) shared.array("noted", "page", L.indexType(page, true), page, "page");
  if (theme === "instances" || has()) shared.array("mine", "bool", L.boolType, first, "instance");
  if (dice.roll(6) === 0) shared.array("plain", "bool", L.boolType, 2, "number");
  const counter = has() ? m.variable("counter", L.intType(0, 5)) : null;
  const locked = has() ? m.array("locked", L.boolType, page) : null;
  const speakers = processes.map((process, i): Speaker => {
    const places = [...(shared.of[i] ?? []), ...ownPlaces(grammar, process)];
    if (counter !== null && dice.roll(4) === 0)
      places.push({ of: "int", over: null, rights: { reads: true, writes: false }, at: () => counter });
    return { process, places, pages: [], instances: process === first ? [L.self] : [] };
  });
  for (const who of speakers) {
    const process = who.process as L.ProcessBuilder;
    const marks = dice.roll(6) + 1;
    const takes = has();
    const held = takes ? process.variable("held", L.indexType(page, dice.roll(2) === 0), 0) : null;
    const ways: Ways = {
      inside: (label) => label > 0 && (marks & (1 << (label - 1))) !== 0,
      held,
      locked: locked?.at(0) ?? null,
      reset: dice.roll(8) === 0 ? 1 : 0,
      counter: dice.roll(3) > 0 ? counter : null,
    };
    for (let label = 0; label < LABELS; label++) {
      const here: Speaker = held !== null && ways.inside(label) ? { ...who, pages: [held] } : who;
      for (let step = dice.roll(2); step >= 0; step--) stepOf(grammar, here, label, step === 0, ways);
      if (dice.roll(5) === 0) process.idle(`l${label}`);
      if (dice.roll(theme === "pages" ? 4 : 2) > 0) continue;
      // What is told of a hold may be read where no step reads it.
      const told = { ...here, places: here.places.map((place): Place => ({ ...place, rights: OWN }) as Place) };
      const speaker = dice.roll(2) === 0 ? told : here;
      const object = objectOf(grammar, speaker);
      const hold = {
        resource: dice.pick(RESOURCES),
        mode: dice.pick(MODES),
        leaf: `${process.name}-leaf`,
        ...(object && { object }),
        ...(dice.roll(2) === 0 && { when: conditionOf(grammar, speaker) }),
      };
      process.holds(`l${label}`, hold);
      if (dice.roll(2) === 0) process.holds(`l${(label + 1) % LABELS}`, hold);
    }
    if (dice.roll(theme === "pages" ? 4 : 2) > 0) continue;
    // One that fails to take what others may hold, and does nothing else.
    const object = objectOf(grammar, who);
    const meta = { leaf: "try", action: "acquire", resource: "A", mode: "EXCLUSIVE", result: L.BUSY };
    const label = `l${dice.roll(LABELS)}`;
    process.step(label, { next: label, meta: { ...meta, ...(object && { object }) } });
  }
  properties(grammar, m, shared);
  return m.build();
}

function properties(grammar: Grammar, m: L.ModelBuilder, shared: Places): void {
  const { dice } = grammar;
  if (dice.roll(2) === 0) m.allowDeadlock();
  const all = (shared.of[0] ?? []).map(
    (place): Place => ({ ...place, rights: dice.roll(3) === 0 ? OWN : NONE }) as Place,
  );
  const who: Speaker = { process: null, places: all, pages: [], instances: [] };
  if (dice.roll(3) === 0) m.always("invariant", L.or(grammar.bool(who, 2), dice.roll(2) === 0));
  if (dice.roll(3) === 0) m.sometimes("witness", grammar.bool(who, 2));
  if (dice.roll(6) === 0)
    m.sometimes(
      "all there",
      L.forall(grammar.first, (i) => grammar.at(i)),
    );
  if (dice.roll(8) === 0) m.always("one is never there", L.not(grammar.at(L.int(dice.roll(grammar.first.size)))));
}

/** Arbitrary such models. */
export const anyAlike = (): fc.Arbitrary<L.Model> =>
  fc.array(fc.nat(10_000), { minLength: 60, maxLength: 240 }).map(alikeModelOf);
