/**
 * What can happen in a house, by trying it: two VMs with two vCPUs each, two SEPT entries of each, a few pages, two packages. Every two
 * calls that its paths can make at once, on every choice of objects, are run against each other, lock by lock, in every order. It imports
 * nothing of `src`; what a field means is docs/host-profiles.md and the catalog's schema.
 */
import {
  type Call,
  type Clause,
  enters,
  type HostLock,
  type House,
  type Path,
  type Row,
  type Step,
  type Use,
} from "./house.ts";

/** Pages that a role lets a call name: those in use as something else, or free ones (data/resources.json says the same of real leaves). */
const NAMES_FREE: ReadonlySet<string> = new Set(["to-add", "to-aug", "to-wbinvd", "to-rdmd"]);
const NAMES_USED: ReadonlySet<string> = new Set(["to-reclaim", "to-rdmd"]);
/** Leaves that make a control page of a free one. */
const MAKES: Readonly<Record<string, string>> = { tdh_mng_create: "TDR", tdh_vp_create: "TDVPR" };
/** Leaves whose page may be a large one. */
const LARGE: Readonly<Record<string, readonly string[]>> = {
  "tdh_mem_page_aug to-aug": ["PAMT_2M"],
  "tdh_mem_page_remove to-remove": ["PAMT_2M", "PAMT_1G"],
  "tdh_phymem_page_reclaim to-reclaim": ["PAMT_2M", "PAMT_1G"],
};
const SIZE: Readonly<Record<string, "2M" | "1G">> = { PAMT_2M: "2M", PAMT_1G: "1G" };
const BOTH = [0, 1] as const;

/** So many ways to make two calls are tried; a house with more is none to be judged here. */
const MOST = 60_000;
export class TooMany extends Error {}

/** Which facts of the host keep calls apart; all, unless some are asked for alone. */
export interface Keepers {
  readonly locks: (name: string) => boolean;
  readonly kicks: (name: string) => boolean;
  readonly phases: boolean;
  readonly singleThread: boolean;
  readonly atMostOne: boolean;
  readonly packages: boolean;
  readonly owned: boolean;
  /** Only calls that are made for one VM. */
  readonly oneVm?: boolean;
}
export const ALL: Keepers = {
  locks: () => true,
  kicks: () => true,
  phases: true,
  singleThread: true,
  atMostOne: true,
  packages: true,
  owned: true,
};

/** A place from which a call is made: a step of a path, or the guest inside one. */
export interface Site {
  readonly path: Path;
  readonly step: Step;
  readonly leaf: Call;
  /** The leaf by which the guest came in; null where it is the host that calls. */
  readonly inside: Call | null;
  readonly entering: boolean;
  readonly name: string;
}

/** A call that was refused a lock, and who had it. */
export interface Meet {
  readonly comer: { readonly site: Site; readonly row: number };
  readonly holder: { readonly site: Site; readonly row: number };
  /** Are the two of one VM, so that a kick by the one would have kept the other, a vCPU, out? */
  readonly sameVm: boolean;
}

/** What a lock word, or the page that it is in, must be for a call to name it. */
interface Named {
  readonly word: string;
  readonly needs?: readonly [thing: string, state: string];
  /** Is it a page that the call names as one? */
  readonly page?: boolean;
}

/** A call as it is made: by whom, on which objects. */
interface Made {
  readonly site: Site;
  readonly vm: number;
  /** Of the path's own run, where it works for a vCPU. */
  readonly own: number;
  readonly vcpu: number;
  readonly entry: number;
  readonly package: number;
  /** The VM of which a call is that names another TD. */
  readonly other: number;
  readonly words: readonly (Named | null)[];
  /** What the guest's vCPU holds while it calls. */
  readonly base: readonly (readonly [word: string, exclusive: boolean])[];
  /** All words that it names or holds. */
  readonly all: ReadonlySet<string>;
}

export function sitesOf(house: House): Site[] {
  return house.paths.flatMap((path) =>
    path.steps.flatMap((step) => {
      const leaves = house.calls.filter(
        ({ name, variant }) =>
          name === step.call && (step.variant === undefined || variant === null || variant === step.variant),
      );
      const entering = leaves.some(enters);
      return leaves.flatMap((leaf): Site[] => {
        const site: Site = { path, step, leaf, inside: null, entering, name: path.name };
        const guests = enters(leaf)
          ? house.calls.filter(({ side, name }) => side === "guest" && house.guest.includes(name))
          : [];
        return [
          site,
          ...guests.map((guest): Site => ({ ...site, leaf: guest, inside: leaf, name: `guest, in ${path.name}` })),
        ];
      });
    }),
  );
}

/** Every refusal that some order of two calls leads to. */
export function meets(house: House, keepers: Keepers = ALL, wanted?: (a: Site, b: Site) => boolean): Meet[] {
  const oracle = new Oracle(house, keepers);
  const sites = sitesOf(house);
  const found: Meet[] = [];
  sites.forEach((a, i) => {
    for (const b of sites.slice(i)) if (wanted === undefined || wanted(a, b)) found.push(...oracle.between(a, b));
  });
  return found;
}

/** By calls: who is refused which row because of which row of the other. */
type Refusals = readonly (readonly [comer: 0 | 1, row: number, held: number])[];
const RACED = new WeakMap<House, Map<string, Refusals>>();

class Oracle {
  readonly #house: House;
  readonly #keepers: Keepers;
  readonly #locks: ReadonlyMap<string, HostLock>;
  readonly #raced: Map<string, Refusals>;
  /** May some call name a TD beside its own? Then that of the one may be that of the other, with a third for the two to work for. */
  readonly #namesOthers: boolean;

  constructor(house: House, keepers: Keepers) {
    this.#house = house;
    this.#keepers = keepers;
    this.#locks = new Map(house.locks.map((lock) => [lock.name, lock]));
    this.#namesOthers = house.calls.some(({ rows }) =>
      rows.some(({ td, role, resource }) => td === "other" || (role !== null && resource !== "PAGE")),
    );
    this.#raced = RACED.get(house) ?? new Map();
    RACED.set(house, this.#raced);
  }

  between(a: Site, b: Site): Meet[] {
    const found = new Map<string, Meet>();
    let tried = 0;
    // Whom the first call is for, and what it works on, can be called the first.
    for (const first of this.#ways(a, null))
      for (const second of this.#ways(b, first.all)) {
        if (++tried > MOST) throw new TooMany();
        if (![...second.all].some((word) => first.all.has(word))) continue;
        if (!statesFit(first, second) || !entryFits(first, second)) continue;
        if (!this.#canBeAtOnce(first, second)) continue;
        for (const [comer, row, held] of this.#race(first, second)) {
          const [x, y] = comer === 0 ? [first, second] : [second, first];
          const sameVm = x.vm === y.vm;
          found.set(`${comer} ${row} ${held} ${sameVm}`, {
            comer: { site: x.site, row },
            holder: { site: y.site, row: held },
            sameVm,
          });
        }
      }
    if (this.#keepers.oneVm === true) return [...found.values()];
    for (const [guest, enter] of [
      [a, b],
      [b, a],
    ] as const)
      if (
        guest.inside === enter.leaf &&
        guest.step === enter.step &&
        guest.path === enter.path &&
        enter.inside === null
      )
        for (const meet of this.#withOwnEntry(guest, enter))
          found.set(`own ${meet.comer.row} ${meet.holder.row}`, meet);
    return [...found.values()];
  }

  // -------------------------------------------------------------- who calls, on what

  /**
   * Every way to make the call. Of the second of two calls it matters which words are also the first's; what else it names is one for all.
   *
   * @param met the words of the first call; null: this is the first
   */
  #ways(site: Site, met: ReadonlySet<string> | null): Made[] {
    const { path, step, leaf, inside } = site;
    const vms = met === null || this.#keepers.oneVm === true ? [0] : this.#namesOthers ? [0, 1, 2] : BOTH;
    const others = met === null ? [0] : BOTH;
    const owns = path.per === "vcpu" ? BOTH : [0];
    const vcpus = (own: number): readonly number[] =>
      path.per === "vcpu" && (step.vcpu ?? "self") === "self" ? [own] : others;
    const uses = (resource: string): boolean => names(leaf, resource);
    const found: Made[] = [];
    for (const vm of vms)
      for (const own of owns)
        for (const vcpu of vcpus(own))
          for (const entry of uses("SEPT_ENTRY") ? others : [0])
            for (const pack of uses("WBT") ? others : [0])
              for (const other of namesOther(leaf) ? elsewhere(vm, met === null) : [vm]) {
                const main = { vm, vcpu, entry, package: pack, other };
                const bases = inside === null ? [[]] : this.#kept(inside, main, met);
                for (const base of bases)
                  for (const words of this.#words(leaf, main, met))
                    found.push({ site, own, ...main, words, base, all: wordsOf(words, base) });
              }
    return found;
  }

  /** What a vCPU that came in by this leaf holds until TD exit: what may be taken, taken and not. */
  #kept(inside: Call, main: Main, met: ReadonlySet<string> | null): Made["base"][] {
    return this.#words(inside, main, met).flatMap((words) => {
      let ways: Made["base"][] = [[]];
      inside.rows.forEach((row, i) => {
        const named = words[i];
        if (row.release !== "td-exit" || named == null) return;
        const held = [named.word, row.mode === "EXCLUSIVE"] as const;
        ways = [...ways.map((way) => [...way, held]), ...(row.maybe ? ways : [])];
      });
      return ways;
    });
  }

  /** Every choice of a lock word for each row; one call does not take one word twice, but shared. */
  #words(leaf: Call, main: Main, met: ReadonlySet<string> | null): (Named | null)[][] {
    let ways: (Named | null)[][] = [[]];
    leaf.rows.forEach((row, i) => {
      if (row.mode === "NO_LOCK") {
        ways = ways.map((way) => [...way, null]);
        return;
      }
      const choices = this.#choices(leaf, row, i, main, met === null);
      ways = ways.flatMap((way) => {
        const fit = choices.filter(({ word }) =>
          way.every((before, k) => before?.word !== word || (row.mode === "SHARED" && leaf.rows[k]?.mode === "SHARED")),
        );
        const elsewhere = fit.find(({ word }) => met?.has(word) === false);
        return fit.filter((one) => met?.has(one.word) !== false || one === elsewhere).map((named) => [...way, named]);
      });
    });
    return ways;
  }

  #choices(leaf: Call, row: Row, i: number, main: Main, isFirst: boolean): Named[] {
    const { resource, role, td } = row;
    // What nothing tells from its like, the first that names it can call the first.
    const any = isFirst && leaf.rows.findIndex((other) => other.resource === resource) === i ? [0] : BOTH;
    // Of which TD another one is, nobody says; nor, without `td`, of which TD a row with a role is.
    const isMain = td === "own" || td === "named" || (td === undefined && role === null);
    const vms = isMain ? [main.vm] : td === "other" ? [main.other] : [main.vm, ...elsewhere(main.vm, isFirst)];
    const each = (mine: number): readonly number[] => (isMain && role === null ? [mine] : BOTH);
    const made = MAKES[leaf.name] === resource ? "free" : "used";
    switch (resource) {
      case "KOT":
        return [{ word: "KOT" }];
      case "WBT":
        return [{ word: `WBT:${main.package}` }];
      case "TDR":
        return vms.map((vm) => ({ word: `TDR:${vm}`, needs: [`TDR:${vm}`, made], page: made === "free" }));
      case "TDVPR":
        return vms.flatMap((vm) =>
          each(main.vcpu).map((v) => ({
            word: `TDVPR:${vm}:${v}`,
            needs: [`TDVPR:${vm}:${v}`, made] as const,
            page: made === "free",
          })),
        );
      case "SEPT_ENTRY":
        return vms.flatMap((vm) => each(main.entry).map((e) => ({ word: `SEPT_ENTRY:${vm}:${e}` })));
      case "MIGSC":
        return vms.flatMap((vm) => any.map((s) => ({ word: `MIGSC:${vm}:${s}` })));
      case "PAMT_2M":
      case "PAMT_1G":
        return this.#ranges(leaf, row, i);
      case "PAGE":
        return this.#pages(leaf, role ?? "", main);
      case "a thing of its own":
        return any.map((k) => ({ word: `thing:${k}` }));
      default:
        return vms.map((vm) => ({ word: `${resource}:${vm}` }));
    }
  }

  /** The range above a private page, or above a control page, of which no range is one large private page. */
  #ranges(leaf: Call, { resource, mode }: Row, i: number): Named[] {
    if (mode === "EXCLUSIVE")
      return [0, 1, 2].map((r) => ({ word: `${resource}:${r}`, needs: [`${resource}:${r}`, "split"] }));
    const target = leaf.rows.slice(i + 1).find((row) => SIZE[row.resource] === undefined)?.resource;
    return target === "PAGE" ? BOTH.map((r) => ({ word: `${resource}:${r}` })) : [{ word: `${resource}:2` }];
  }

  #pages(leaf: Call, role: string, { vm, vcpu }: Main): Named[] {
    const state = [...(NAMES_FREE.has(role) ? ["free"] : []), ...(NAMES_USED.has(role) ? ["used"] : [])];
    const vms = this.#namesOthers ? [0, 1, 2] : BOTH;
    // Of the call's own VM it is the TDVPR of the vCPU that the call names.
    const control = vms.flatMap((of) => [
      `TDR:${of}`,
      ...BOTH.filter((v) => of !== vm || v === vcpu).map((v) => `TDVPR:${of}:${v}`),
    ]);
    const sizes = this.#house.pageSizes;
    const large = (LARGE[`${leaf.name} ${role}`] ?? []).filter(
      (level) => sizes === undefined || sizes.includes(SIZE[level] as "2M"),
    );
    return [
      ...BOTH.map((p) => ({ word: `P:${p}`, page: true })),
      ...control.flatMap((word) => state.map((is) => ({ word, needs: [word, is] as const, page: true }))),
      ...large.map((level) => ({ word: `${level}:0`, needs: [`${level}:0`, "large"] as const, page: true })),
    ];
  }

  // -------------------------------------------------------------- can the host be at both at once

  #canBeAtOnce(a: Made, b: Made): boolean {
    if (a.site.step === b.site.step && a.site.step.onEach !== undefined && this.#ofOneRun(a, b)) return true;
    if (this.#keptApart(a, b)) return false;
    if (a.vm === b.vm) return this.#inOnePhase(a, b, false);
    return areLegal(a, b) || [a, b].some(({ site }) => site.path.overruns !== undefined);
  }

  /** Are the two made by one run, on two CPUs at once? What it holds, it holds for both, but for what belongs to what a call names. */
  #ofOneRun(a: Made, b: Made): boolean {
    if (a.vm !== b.vm || (a.site.path.per === "vcpu" && a.own !== b.own)) return false;
    if (
      this.#keepers.packages &&
      a.site.step.onEach === "package" &&
      a.package === b.package &&
      names(a.site.leaf, "WBT")
    )
      return false;
    if (this.#locksExclude(a, b, ({ of }) => of === "target")) return false;
    return this.#inOnePhase(a, b, true);
  }

  #keptApart(a: Made, b: Made): boolean {
    const limit = a.site.path === b.site.path && this.#keepers.atMostOne ? a.site.path.atMostOne : undefined;
    if (limit === "machine") return true;
    if (limit === "vm" && a.vm === b.vm) return true;
    if (limit === "vcpu" && a.vm === b.vm && a.site.path.per === "vcpu" && a.own === b.own) return true;
    if (a.vm === b.vm && (this.#kicks(a, b) || this.#kicks(b, a))) return true;
    return this.#locksExclude(a, b, () => true) || (this.#keepers.owned && (this.#owns(a, b) || this.#owns(b, a)));
  }

  #held({ site: { path, step } }: Made): Use[] {
    return [...path.holds, ...step.holds];
  }

  /** Whoever holds a kick keeps every vCPU of the VM out of the guest. */
  #kicks(by: Made, other: Made): boolean {
    return (
      other.site.entering &&
      this.#held(by).some(
        ({ lock, of }) => this.#locks.get(lock)?.kind === "kick" && of !== "other" && this.#keepers.kicks(lock),
      )
    );
  }

  #locksExclude(a: Made, b: Made, counts: (use: Use) => boolean): boolean {
    for (const mine of this.#held(a).filter(counts))
      for (const theirs of this.#held(b).filter(counts)) {
        if (mine.lock !== theirs.lock || (mine.mode === "shared" && theirs.mode === "shared")) continue;
        const lock = this.#locks.get(mine.lock);
        if (lock === undefined || lock.kind === "srcu" || !this.#keepers.locks(lock.name)) continue;
        const objects = this.#objects(theirs, lock, b);
        // Some vCPU's lock is one of all of them; it need not be some other's.
        const isSome = (object: string): boolean => object.endsWith("?") && mine.of !== "all" && theirs.of !== "all";
        if (this.#objects(mine, lock, a).some((object) => objects.includes(object) && !isSome(object))) return true;
      }
    return false;
  }

  /** The lock's objects that are held for sure; of what nobody says, none need be another call's. */
  #objects({ of = "self" }: Use, { per }: HostLock, made: Made): string[] {
    if (per === "machine") return ["it"];
    if (of === "other") return [];
    // A guest's call names something of its own: what the host holds belongs to what the host's call names.
    const isGuest = made.site.inside !== null;
    switch (per) {
      case "vm":
        return [`${made.vm}`];
      case "vcpu":
        if (of === "all") return [...BOTH, "?"].map((v) => `${made.vm}:${v}`);
        if (of === "target") return [`${made.vm}:${made.vcpu}`];
        return made.site.path.per === "vcpu" ? [`${made.vm}:${made.own}`] : [`${made.vm}:?`];
      case "entry":
        return isGuest || !names(made.site.leaf, "SEPT_ENTRY") ? [] : [`${made.vm}:${made.entry}`];
      case "package":
        return isGuest || !names(made.site.leaf, "WBT") ? [] : [`${made.package}`];
      case "page":
        return isGuest ? [] : pagesNamed(made);
      case "inode":
        return [];
    }
  }

  /** A page that its namer owns is no control page of another VM, nor does another VM make one of it. */
  #owns(namer: Made, other: Made): boolean {
    if (namer.site.inside !== null || !namer.words.some((named) => named?.page)) return false;
    const owned = this.#held(namer).some(({ lock, mode, of }) => {
      const facts = this.#locks.get(lock);
      return (
        facts?.per === "page" &&
        facts.kind !== "srcu" &&
        mode !== "shared" &&
        of !== "other" &&
        this.#keepers.locks(lock)
      );
    });
    const used = new Set(
      other.words.flatMap((named, i) =>
        named === null || other.site.leaf.rows[i]?.resource === "PAGE" ? [] : [named.word],
      ),
    );
    return owned && pagesNamed(namer).some((page) => used.has(page) && page.split(":")[1] !== `${namer.vm}`);
  }

  /** Is there a phase of the VM in which both can be there, and an OP_STATE in which both are legal, unless one is late? */
  #inOnePhase(a: Made, b: Made, isOneRun: boolean): boolean {
    if (!this.#keepers.phases) return true;
    return this.#house.phases.some((_, p) => {
      if (!this.#lastTogether(a, b, p, isOneRun)) return false;
      const name = this.#house.phases[p]?.name ?? "";
      const own = [a, b].map(({ site: { path, step } }) => (step.phases ?? path.phases).includes(name));
      const late = [a, b].map(({ site: { path } }) => path.overruns?.includes(name) === true);
      if (!own.every((isOwn, i) => isOwn || late[i])) return false;
      return !own.every((isOwn) => isOwn) || areLegal(a, b);
    });
  }

  /** Can runs of the two paths be under way in a phase at once? The later one begins in one of its own; both last into what they may. */
  #lastTogether(a: Made, b: Made, p: number, isOneRun: boolean): boolean {
    const phase = this.#house.phases[p];
    if (phase === undefined) return false;
    const [own, other] = [a, b].map(({ site: { path } }) => path.phases.includes(phase.name)) as [boolean, boolean];
    const isBound = ({ site: { path } }: Made): boolean => path.per !== "machine";
    // One thread has begun both; it does not begin the second before the first is over.
    if (
      this.#keepers.singleThread &&
      phase.singleThreaded === true &&
      own &&
      other &&
      !isOneRun &&
      isBound(a) &&
      isBound(b)
    )
      return false;
    const [alive, too] = [this.#lasts(a, p), this.#lasts(b, p)];
    if (!alive || !too) return false;
    return own || other || this.#lastTogether(a, b, p - 1, isOneRun);
  }

  /** Can a run of the path be under way in the phase? */
  #lasts(made: Made, p: number): boolean {
    const name = this.#house.phases[p]?.name ?? "";
    const { path } = made.site;
    return path.phases.includes(name) || (path.overruns?.includes(name) === true && this.#lasts(made, p - 1));
  }

  // -------------------------------------------------------------- in the module

  #race(a: Made, b: Made): readonly (readonly [comer: 0 | 1, row: number, held: number])[] {
    const [mine, theirs] = [a.all, b.all];
    // A word that only one of them names is in nobody's way.
    const shared = (word: string | undefined): string | null =>
      word !== undefined && mine.has(word) && theirs.has(word) ? word : null;
    const key = [a, b]
      .map(({ site: { leaf }, words, base }) =>
        [
          leaf.name,
          leaf.variant,
          ...words.map((one) => shared(one?.word)),
          ...base.map(([word, exclusive]) => `${shared(word)} ${exclusive}`),
        ].join(),
      )
      .join("|");
    const known = this.#raced.get(key);
    if (known !== undefined) return known;
    const found = race(a, b);
    this.#raced.set(key, found);
    return found;
  }

  /** The guest's own call finds what its own entry holds. */
  #withOwnEntry(guest: Site, enter: Site): Meet[] {
    const found: Meet[] = [];
    if (!common(guest.leaf.opStates, enter.leaf.opStates) && guest.path.overruns === undefined) return found;
    for (const made of this.#ways(guest, null))
      for (const entry of this.#words(enter.leaf, made, null)) {
        if (!statesFit(made, { words: entry })) continue;
        guest.leaf.rows.forEach((row, i) => {
          enter.leaf.rows.forEach((held, j) => {
            if (
              held.release !== "td-exit" ||
              entry[j] == null ||
              entry[j].word !== made.words[i]?.word ||
              !conflict(row, held)
            )
              return;
            // It comes so far only when its own entry, as it is, is in no earlier lock's way.
            const taken = enter.leaf.rows.flatMap((one, k) =>
              one.release === "td-exit" && (k === j || !one.maybe) ? [k] : [],
            );
            const passes = guest.leaf.rows
              .slice(0, i)
              .every(
                (before, b) =>
                  before.maybe ||
                  taken.every(
                    (k) => entry[k]?.word !== made.words[b]?.word || !conflict(before, enter.leaf.rows[k] as Row),
                  ),
              );
            if (passes) found.push({ comer: { site: guest, row: i }, holder: { site: enter, row: j }, sameVm: true });
          });
        });
      }
    return found;
  }
}

type Main = Pick<Made, "vm" | "vcpu" | "entry" | "package" | "other">;

const namesOther = ({ rows }: Call): boolean => rows.some(({ td, mode }) => td === "other" && mode !== "NO_LOCK");
/** Other VMs than the call's own. */
const elsewhere = (vm: number, isFirst: boolean): number[] =>
  [0, 1, 2].filter((other) => other !== vm && (!isFirst || other < 2));

function wordsOf(words: Made["words"], base: Made["base"]): ReadonlySet<string> {
  return new Set([...words.flatMap((one) => (one === null ? [] : [one.word])), ...base.map(([word]) => word)]);
}
const names = (leaf: Call, what: string): boolean => leaf.rows.some(({ resource }) => resource === what);
/** The pages that a call names: those that it takes as a page, or makes a control page of; of a call that takes none, its control pages. */
function pagesNamed({ words, site: { leaf } }: Made): string[] {
  const pages = words.flatMap((named) => (named?.page === true ? [named.word] : []));
  if (leaf.rows.some(({ resource }, i) => resource === "PAGE" || words[i]?.page === true)) return pages;
  return words.flatMap((named) => (named?.needs?.[1] === "used" ? [named.word] : []));
}

/** A page is not free and in use, a range not large and split, at once. */
function statesFit({ words: a }: Pick<Made, "words">, { words: b }: Pick<Made, "words">): boolean {
  const states = new Map<string, string>();
  for (const named of [...a, ...b]) {
    if (named?.needs === undefined) continue;
    const [thing, state] = named.needs;
    if ((states.get(thing) ?? state) !== state) return false;
    states.set(thing, state);
  }
  return true;
}

/** Is there a state of the TD in which both calls are legal, where one TD's binds both? */
function areLegal(a: Made, b: Made): boolean {
  return ofWhom(a) !== ofWhom(b) || common(a.site.leaf.opStates, b.site.leaf.opStates);
}

/** Is there a state of the SEPT entry on which two SEAMCALLs are legal that both name it? */
function entryFits(a: Made, b: Made): boolean {
  const entries = [a, b].map(({ site: { leaf }, vm, entry }) =>
    leaf.side === "host" &&
    leaf.rows.some(({ resource, role, td }) => resource === "SEPT_ENTRY" && role === null && td !== "other")
      ? `${vm}:${entry}`
      : null,
  );
  if (entries[0] === null || entries[0] !== entries[1]) return true;
  return common(a.site.leaf.septStates, b.site.leaf.septStates);
}

/** The VM of which a leaf's OP_STATEs are: that of a TDCALL on another TD is the other's. */
const ofWhom = ({ site: { leaf }, vm, other }: Made): number =>
  leaf.side === "guest" && namesOther(leaf) ? other : vm;

function common(a: readonly string[] | null, b: readonly string[] | null): boolean {
  return a === null || b === null || a.some((state) => b.includes(state));
}

const conflict = (x: Row, y: Row): boolean =>
  x.mode !== "NO_LOCK" && y.mode !== "NO_LOCK" && (x.mode === "EXCLUSIVE" || y.mode === "EXCLUSIVE");

/** Where one of two calls is in its rows, and which of them it holds. */
interface At {
  readonly next: number;
  readonly held: number;
  readonly isOver: boolean;
}

/** Two calls, lock by lock, in every order: who is refused which row because of which row of the other. */
function race(a: Made, b: Made): (readonly [comer: 0 | 1, row: number, held: number])[] {
  const calls = [a, b] as const;
  const found = new Map<string, readonly [0 | 1, number, number]>();
  const seen = new Set<string>();
  const start: At = { next: 0, held: 0, isOver: false };
  const todo: (readonly [At, At])[] = [[start, start]];
  // Two entries' locks that are held before either calls cannot conflict: one of the guests would not be in.
  if (a.base.some((mine) => b.base.some((theirs) => mine[0] === theirs[0] && (mine[1] || theirs[1])))) return [];
  for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
    const key = state.map(({ next, held, isOver }) => `${next} ${held} ${isOver}`).join("|");
    if (seen.has(key)) continue;
    seen.add(key);
    for (const who of [0, 1] as const) {
      const other = (1 - who) as 0 | 1;
      for (const next of moves(calls[who], state[who], calls[other], state[other], (row, held) => {
        found.set(`${who} ${row} ${held}`, [who, row, held]);
      }))
        todo.push(who === 0 ? [next, state[1]] : [state[0], next]);
    }
  }
  return [...found.values()];
}

/** Of what is held at the end, what is given back before all others whose turn is known. */
function givenBackNext(rows: readonly Row[], held: number, turnOf: (row: Row) => number | undefined): number | null {
  const turns = rows.flatMap((row, i) => {
    const turn = turnOf(row);
    return turn !== undefined && (held >> i) & 1 ? [[turn, i] as const] : [];
  });
  turns.sort(([x], [y]) => x - y);
  return turns[0]?.[1] ?? null;
}

/** In the place of the next row: the call fails, and gives back what it holds. */
const FAILED = -1;

function moves(made: Made, at: At, other: Made, theirs: At, refused: (row: number, held: number) => void): At[] {
  if (at.isOver) return [];
  const { rows } = made.site.leaf;
  const over: At = { next: at.next, held: 0, isOver: true };
  if (at.next === FAILED) {
    const first = givenBackNext(rows, at.held, ({ failing, sequence }) => failing ?? sequence);
    return [first === null ? over : { ...at, held: at.held & ~(1 << first) }];
  }
  if (at.next > rows.length) return [over];
  if (at.next === rows.length) {
    const first = givenBackNext(rows, at.held, ({ sequence }) => sequence);
    if (first !== null) return [{ ...at, held: at.held & ~(1 << first) }];
    if (!enters(made.site.leaf)) return [over];
    const kept = rows.reduce((mask, { release }, i) => (release === "td-exit" ? mask | (1 << i) : mask), 0);
    return [{ next: rows.length + 1, held: at.held & kept, isOver: false }];
  }
  // What is given back before the next row is taken, is now at the latest.
  const due = rows.flatMap(({ until }, i) => (until === at.next && (at.held >> i) & 1 ? [i] : []));
  if (due.length > 0) return due.map((i) => ({ ...at, held: at.held & ~(1 << i) }));
  const row = rows[at.next] as Row;
  const after = (held: number): At => ({ next: at.next + 1, held, isOver: false });
  const named = made.words[at.next];
  if (named == null) return [after(at.held)];
  const skipped = row.maybe ? [after(at.held)] : [];
  const word = named.word;
  // What its own entry keeps is in a guest's way, too.
  const kept = [...made.base, ...other.base];
  let isBusy = kept.some(([held, exclusive]) => held === word && (exclusive || row.mode === "EXCLUSIVE"));
  other.site.leaf.rows.forEach((held, j) => {
    if (((theirs.held >> j) & 1) === 0 || other.words[j]?.word !== word || !conflict(row, held)) return;
    isBusy = true;
    refused(at.next, j);
  });
  if (isBusy) return [...skipped, { ...at, next: FAILED }];
  const granted = after(at.held | (1 << at.next));
  // A check that does not pass; without an order of its own it is as if the next lock were busy.
  const failed = row.failing === undefined ? [] : [{ ...granted, next: FAILED }];
  return [...skipped, granted, ...failed];
}

// ------------------------------------------------------------------ what follows a BUSY

/** What a caller does about a BUSY in turn, as far as it comes: `isBarred` when its kick would have kept the other out. */
export function reactions(clauses: readonly Clause[], operand: string | null, isBarred: boolean): string[][] {
  const fits = ({ on }: Clause): boolean => on === undefined || operand === null || on.includes(operand);
  const first = clauses.findIndex(fits);
  const applied = operand === null ? clauses : first < 0 ? [] : [clauses[first] as Clause];
  return applied.map((clause) => {
    const done: string[] = [];
    for (const reaction of clause.do) {
      done.push(reaction);
      if (reaction === "retry:unbounded" || (isBarred && reaction.startsWith("kick-and-retry"))) break;
    }
    return done;
  });
}
