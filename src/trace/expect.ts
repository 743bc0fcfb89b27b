/** What was seen against what a host profile says: meetings that it rules out, reactions that it does not have, paths that never came. */
import { type ContendPair, type Exclusion, keptPairs, underHost, verdictOf } from "../analysis/index.ts";
import type { Catalog } from "../catalog/index.ts";
import { entriesOf, type HostProfile, reactionOf } from "../host/index.ts";
import type { Blame } from "./blame.ts";
import type { Call } from "./call.ts";
import type { TraceDocument } from "./document.ts";
import type { Episode } from "./episodes.ts";
import { runsOf } from "./holders.ts";
import { type Identity, identityOf, isWithinTd, relate, SAME } from "./objects.ts";
import { callFacts } from "./tally.ts";
import { Wanted } from "./window.ts";
import { ENTER } from "./wrappers.ts";

type Surprise = TraceDocument["surprises"][number];

/** Two locks that the profile keeps from meeting. */
interface Excluded {
  readonly pair: ContendPair;
  /** What a call, and one that was in flight beside it, have to agree in. */
  readonly identity: Identity;
  readonly excludedBy: readonly Exclusion[];
  /** Once they were seen to meet. */
  noted: Counted | null;
}

/** From what the profile keeps a leaf apart. */
interface Apart {
  /** By the other leaf. */
  readonly from: Map<string, Excluded[]>;
  /** From calls for other TDs, too? */
  beyondTd: boolean;
  /** Once a call of it came. */
  wanted: Wanted | null;
}

type Counted = Surprise & { count: number };

/** Reasons that keep two calls from being in flight at once; the others let them, and keep them from meeting at the lock. */
const APART: ReadonlySet<Exclusion["kind"]> = new Set(["host-lock", "kick", "life-cycle", "not-called"]);

/** A hostile recording may have any number of leaves. */
const MOST_LEAVES = 1 << 12;

export class Expectation {
  readonly #host: HostProfile;
  readonly #catalog: Catalog;
  /** By leaf. */
  readonly #excluded = new Map<string, Apart>();
  /** Pairs of leaves that the profile lets meet on a resource, in any way, or of which it does not name one: a guest may make any TDCALL. */
  readonly #open = new Set<string>();
  readonly #surprises = new Map<string, Counted>();
  readonly #seen = new Set<string>();
  /** By leaf: how often the host tries it again at once. */
  readonly #tries = new Map<string, number>();

  constructor(catalog: Catalog, host: HostProfile) {
    this.#catalog = catalog;
    this.#host = host;
    const pairs = underHost(catalog, host, keptPairs(catalog)).pairs;
    for (const pair of pairs) if (verdictOf(pair) !== "excluded") this.#open.add(keyOf(pair.a, pair.b, pair.resource));
    for (const pair of pairs) {
      // Another variant or role of the two may be possible: the recording does not tell which it was.
      if (this.#open.has(keyOf(pair.a, pair.b, pair.resource))) continue;
      // The module alone rules it out: then nothing is said of the two being in flight.
      if (pair.excludedBy.length === 0 || !pair.excludedBy.every(({ kind }) => APART.has(kind))) continue;
      const [a, b] = [
        { resource: pair.resourceA, role: pair.roleA },
        { resource: pair.resourceB, role: pair.roleB },
      ];
      const { excludedBy } = pair;
      this.#add(pair.a, pair.b, { pair, identity: identityOf(a, b), excludedBy, noted: null });
      if (pair.a !== pair.b) this.#add(pair.b, pair.a, { pair, identity: identityOf(b, a), excludedBy, noted: null });
    }
  }

  /** The profile keeps a leaf apart from another one. */
  #add(leaf: string, other: string, excluded: Excluded): void {
    const apart = this.#excluded.get(leaf) ?? { from: new Map(), beyondTd: false, wanted: null };
    this.#excluded.set(leaf, apart);
    const known = apart.from.get(other);
    if (known === undefined) apart.from.set(other, [excluded]);
    else known.push(excluded);
    apart.beyondTd ||= !isWithinTd(excluded.identity);
  }

  /** A call, and, where it matters, what was in flight beside it. */
  meeting(call: Call, others: Before, tolerance: number): void {
    if (this.#seen.size < MOST_LEAVES) this.#seen.add(call.leaf);
    const apart = this.#excluded.get(call.leaf);
    if (apart === undefined || call.beginUnsure || call.endUnsure) return;
    const { from } = apart;
    apart.wanted ??= wantedOf(from);
    // Of those in flight many are for other TDs, or of one leaf.
    const td = apart.beyondTd ? null : call.td;
    let leaf = "";
    let excluded: readonly Excluded[] | undefined;
    for (const other of others.before(call, apart.wanted)) {
      if (td !== null && other.td !== td && other.td !== null) continue;
      // A task makes one call after the other: its own seem to meet where a line is there twice.
      if (other.tid > 0 && other.tid === call.tid) continue;
      if (other.leaf !== leaf) {
        leaf = other.leaf;
        excluded = from.get(leaf);
      }
      if (excluded === undefined || !other.settled || !together(call, other, tolerance)) continue;
      for (const one of excluded) {
        if (relate(one.identity, call, other) !== SAME) continue;
        if (one.noted === null) one.noted = this.#meet(call, other, one);
        else one.noted.count += 1;
        break;
      }
    }
  }

  #meet(call: Call, other: Call, { pair, excludedBy }: Excluded): Counted {
    const what = `${pair.a} and ${pair.b} were in flight at once on one ${pair.resource}`;
    return this.#note("meeting", call, other, pair.resource, excludedBy, what);
  }

  /** A BUSY whose holder is certain. */
  busy({ busy, certainty, culprits }: Blame): void {
    const [first] = culprits;
    if (certainty !== "certain" || first?.kind !== "call") return;
    const { leaf } = first.call;
    const at = first.holder.at;
    const [a, b] = [busy.leaf, leaf].sort() as [string, string];
    if (this.#open.has(keyOf(a, b, at))) return;
    this.#note(
      "busy",
      busy,
      first.call,
      at,
      [],
      `${busy.leaf} was BUSY on ${at} against ${leaf}, which the profile does not have`,
    );
  }

  /** How a caller went on after a BUSY. */
  reaction(episode: Episode): void {
    const { leaf, atOnce } = episode;
    const most = this.#triesOf(leaf);
    if (atOnce <= most) return;
    const what = `${leaf} was tried again ${atOnce} times at once, the profile has ${most === 0 ? "no retry" : `at most ${most}`}`;
    const { begin, end, cpu, tid, td, vp, gpa } = episode;
    const call: Call = {
      leaf,
      begin,
      end,
      cpu,
      tid,
      td,
      vp,
      gpa,
      level: null,
      page: null,
      status: null,
      beginUnsure: false,
      endUnsure: false,
      chain: null,
      settled: true,
    };
    this.#note("reaction", call, null, null, [], what);
  }

  /** How often the host tries a leaf again at once: by the path that does so most often. */
  #triesOf(leaf: string): number {
    const known = this.#tries.get(leaf);
    if (known !== undefined) return known;
    const steps = this.#host.paths.flatMap((path) =>
      path.steps.filter((step) => entriesOf(this.#catalog, step.call).some(({ name }) => name === leaf)),
    );
    const tries = steps.flatMap((step) => (step.onBusy ?? [{ do: ["unknown"] }]).map((clause) => triesOf(clause.do)));
    // Of a leaf that it does not have, nothing is said.
    const most = steps.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...tries);
    if (this.#tries.size < MOST_LEAVES) this.#tries.set(leaf, most);
    return most;
  }

  surprises(): Surprise[] {
    return [...this.#surprises.values()].sort((x, y) => y.count - x.count || (x.what < y.what ? -1 : 1));
  }

  /** Paths of which no call was seen at all. */
  neverSeen(): string[] {
    return this.#host.paths
      .filter(({ steps }) => steps.length > 0)
      .filter(({ steps }) =>
        steps.every((step) => entriesOf(this.#catalog, step.call).every(({ name }) => !this.#seen.has(name))),
      )
      .map(({ name }) => name);
  }

  #note(
    kind: Surprise["kind"],
    call: Call,
    other: Call | null,
    resource: string | null,
    excludedBy: readonly Exclusion[],
    what: string,
  ): Counted {
    const key = `${kind} ${call.leaf} ${other?.leaf} ${resource}`;
    const back = `${kind} ${other?.leaf} ${call.leaf} ${resource}`;
    const known = this.#surprises.get(key) ?? (kind === "meeting" ? this.#surprises.get(back) : undefined);
    if (known !== undefined) {
      known.count += 1;
      return known;
    }
    const noted: Counted = {
      kind,
      a: call.leaf,
      b: other?.leaf ?? null,
      resource,
      excludedBy: [...new Set(excludedBy.map(({ what: reason }) => reason))],
      count: 1,
      first: [callFacts(call), ...(other === null ? [] : [callFacts(other)])],
      what,
    };
    this.#surprises.set(key, noted);
    return noted;
  }
}

const keyOf = (a: string, b: string, resource: string): string => `${a} ${b} ${resource}`;

/** Tells what was in flight beside a call and was settled before it; the others find it in their turn. */
interface Before {
  before(call: Call, wanted: Wanted): readonly Call[];
}

/** What has to be known of those in flight beside a leaf. */
function wantedOf(apartFrom: ReadonlyMap<string, readonly Excluded[]>): Wanted {
  const entries = apartFrom.get(ENTER.leaf) ?? [];
  return new Wanted(
    apartFrom,
    runsOf(
      entries.map(({ identity }) => identity),
      false,
    ),
  );
}

/** Were both in flight at one moment, also if the clocks are off by the tolerance? */
function together(a: Call, b: Call, tolerance: number): boolean {
  if (b.beginUnsure || b.endUnsure) return false;
  return Math.min(a.end, b.end) - Math.max(a.begin, b.begin) > 2 * tolerance;
}

/** How often a reaction may try again without leaving: what gives up and comes back does so without bound. */
function triesOf(reactions: readonly string[]): number {
  let most = 0;
  for (const reaction of reactions) {
    const { kind, tries } = reactionOf(reaction);
    most += tries ?? 0;
    // Nobody says; or the caller is called again.
    if (kind === "refault" || kind === "unknown" || kind === "return" || kind === "reenter")
      return Number.POSITIVE_INFINITY;
  }
  return most;
}
