/** How far the reader's blame agrees with culprits that are known, since the recording was made from a model. */
import type { Blame, Certainty, Culprit } from "./blame.ts";
import type { Call } from "./call.ts";
import type { BusyFacts, Culprits } from "./document.ts";
import { formatNamed } from "./formats/index.ts";
import { busyFacts } from "./tally.ts";

export interface Agreement {
  /** BUSYs that are in the recording. */
  readonly known: number;
  /** Of these, those that the reader found. */
  readonly found: number;
  /** Those of which the first culprit named is one that held the lock; or nobody is named, and nobody did. */
  readonly right: number;
  /** Those of which a culprit is among those that are named as the most likely: several where what is recorded does not tell between them. */
  readonly amongFirst: number;
  /** Those of which a culprit is among all that are named. */
  readonly among: number;
  readonly certain: number;
  readonly certainWrong: number;
  /** BUSYs that are told as `oneOfThese` and are none of these. */
  readonly noneOfThese: number;
  readonly byCertainty: Readonly<Record<Certainty, { readonly count: number; readonly right: number }>>;
  /** The first wrong ones. */
  readonly wrong: readonly { readonly busy: Culprits["busy"][number]; readonly blame: BusyFacts }[];
}

const SHOWN = 20;

type Known = Culprits["busy"][number];
type KnownCall = Known["call"];

export class Agree {
  readonly #known: Known[];
  readonly #byPlace = new Map<string, Known[]>();
  /** Times in the recording are no more exact than this. */
  readonly #tolerance: number;
  readonly #wrong: { busy: Known; blame: BusyFacts }[] = [];
  readonly #by: Record<Certainty, { count: number; right: number }> = {
    certain: { count: 0, right: 0 },
    likely: { count: 0, right: 0 },
    possible: { count: 0, right: 0 },
    none: { count: 0, right: 0 },
  };
  #found = 0;
  #right = 0;
  #amongFirst = 0;
  #among = 0;
  #certainWrong = 0;
  #noneOfThese = 0;

  constructor(culprits: Culprits) {
    this.#known = culprits.busy.filter(({ recorded }) => recorded);
    this.#tolerance = 2 * formatNamed(culprits.format).resolution;
    for (const known of this.#known) {
      const place = `${known.call.cpu} ${known.call.leaf}`;
      const here = this.#byPlace.get(place);
      if (here === undefined) this.#byPlace.set(place, [known]);
      else here.push(known);
    }
  }

  see(blame: Blame): void {
    const here = this.#byPlace.get(`${blame.busy.cpu} ${blame.busy.leaf}`) ?? [];
    const at = here.findIndex(
      ({ call }) => this.#near(call.begin, blame.busy.begin) && this.#near(call.end, blame.busy.end),
    );
    const busy = here[at];
    if (busy === undefined) return;
    here.splice(at, 1);
    this.#found += 1;
    const [first] = blame.culprits;
    const right = first === undefined ? busy.culprits.every(({ recorded }) => !recorded) : this.#is(first, busy);
    const amongFirst = right || blame.culprits.slice(0, blame.asLikely).some((culprit) => this.#is(culprit, busy));
    const among = right || blame.culprits.some((culprit) => this.#is(culprit, busy));
    const by = this.#by[blame.certainty];
    by.count += 1;
    by.right += Number(right);
    this.#right += Number(right);
    this.#amongFirst += Number(amongFirst);
    this.#among += Number(among);
    if (blame.certainty === "certain" && !right) this.#certainWrong += 1;
    if (blame.oneOfThese && !among) this.#noneOfThese += 1;
    if (!right && this.#wrong.length < SHOWN) this.#wrong.push({ busy, blame: busyFacts(blame) });
  }

  result(): Agreement {
    return {
      known: this.#known.length,
      found: this.#found,
      right: this.#right,
      amongFirst: this.#amongFirst,
      among: this.#among,
      certain: this.#by.certain.count,
      certainWrong: this.#certainWrong,
      noneOfThese: this.#noneOfThese,
      byCertainty: this.#by,
      wrong: this.#wrong,
    };
  }

  #is(culprit: Culprit, { culprits }: Known): boolean {
    return culprits.some(({ kind, call }) => {
      if (culprit.kind !== kind) return false;
      const runs = culprit.kind === "call" ? [culprit.call] : culprit.runs;
      return runs.some((run) => run.cpu === call.cpu && run.leaf === call.leaf && this.#isOne(call, run));
    });
  }

  /** A call whose beginning the recording lacks is known by its end. */
  #isOne(known: KnownCall, { begin, end, beginUnsure }: Call): boolean {
    return beginUnsure ? this.#near(known.end, end) : this.#near(known.begin, begin);
  }

  #near(a: KnownCall["begin"], b: number): boolean {
    return a !== null && Math.abs(a - b) <= this.#tolerance;
  }
}
