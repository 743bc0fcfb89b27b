/** A hypervisor's own locks, as a path takes and gives them back: all are waited for, readers share, a writer is alone. */
import {
  type ArrayRef,
  and,
  type BoolExpr,
  boolType,
  dec,
  type Effect,
  eq,
  type IntExpr,
  type IntLike,
  inc,
  intType,
  type ModelBuilder,
  not,
  type ProcessBuilder,
  type Range,
  type StepMeta,
  set,
  toInt,
} from "../language/index.ts";

/** A host lock that a task holds, with its object; null where there is one lock only. */
export interface Taken {
  readonly lock: string;
  readonly shared: boolean;
  readonly object: IntLike | null;
}

interface Word {
  readonly readers: ArrayRef<ReturnType<typeof intType>>;
  readonly writer: ArrayRef<typeof boolType>;
  readonly per: string;
}

/** The lock words of a host. */
export class HostLocks {
  readonly #m: ModelBuilder;
  readonly #p: ProcessBuilder;
  readonly #words = new Map<string, Word>();

  readonly #atOnce: boolean;

  /** `p`: the process that takes them. `atOnce`: all that a call needs together, for it is not known in which order. */
  constructor(m: ModelBuilder, p: ProcessBuilder, atOnce: boolean) {
    this.#m = m;
    this.#p = p;
    this.#atOnce = atOnce;
  }

  /** @param per what one such lock belongs to @param over the objects; 1: a single lock */
  declare(name: string, per: string, over: Range): void {
    this.#words.set(name, {
      per,
      readers: this.#m.array(`${name}.readers`, intType(0, this.#p.size), over),
      writer: this.#m.array(`${name}.writer`, boolType, over),
    });
  }

  /** What a lock belongs to; undefined: there is none of that name. */
  perOf(name: string): string | undefined {
    return this.#words.get(name)?.per;
  }

  /** Can it be taken now? */
  free(taken: Taken): BoolExpr {
    const { readers, writer } = this.#word(taken);
    return taken.shared ? not(writer) : and(not(writer), eq(readers, 0));
  }

  take(taken: Taken): Effect {
    const { readers, writer } = this.#word(taken);
    return taken.shared ? inc(readers) : set(writer, true);
  }

  give(taken: Taken): Effect {
    const { readers, writer } = this.#word(taken);
    return taken.shared ? dec(readers) : set(writer, false);
  }

  /**
   * Steps that take locks one after the other, waiting for each, or all at once; those held already are skipped.
   *
   * @returns what is held then
   */
  takeAll(from: string, wanted: readonly Taken[], before: readonly Taken[], to: string): Taken[] {
    const fresh = wanted.filter((one) => !before.some((held) => same(held, one)));
    if (this.#atOnce && fresh.length > 1) {
      const locks = fresh.map(({ lock }) => lock).join(", ");
      const meta: StepMeta = { action: "acquire", resource: locks, note: "all host locks of the call" };
      this.#p.step(from, {
        when: and(...fresh.map((one) => this.free(one))),
        do: fresh.map((one) => this.take(one)),
        next: to,
        meta,
      });
      return [...before, ...fresh];
    }
    let label = from;
    fresh.forEach((one, i) => {
      const next = i + 1 < fresh.length ? `${from} · ${one.lock} ${i + 1}` : to;
      const meta: StepMeta = {
        action: "acquire",
        resource: one.lock,
        mode: one.shared ? "SHARED" : "EXCLUSIVE",
        ...objectMeta(one.object),
      };
      this.#p.step(label, { when: this.free(one), do: [this.take(one)], next, meta });
      label = next;
    });
    if (fresh.length === 0) this.#p.step(from, { next: to, meta: { action: "effect", note: "no further host lock" } });
    return [...before, ...fresh];
  }

  #word({ lock, object }: Taken) {
    const word = this.#words.get(lock);
    if (word === undefined) throw new Error(`host lock ${lock} is not declared`);
    const at = object ?? 0;
    return { readers: word.readers.at(at), writer: word.writer.at(at) };
  }
}

const same = (a: Taken, b: Taken): boolean =>
  a.lock === b.lock && JSON.stringify(a.object) === JSON.stringify(b.object);
const objectMeta = (object: IntLike | null): { object?: IntExpr } => (object === null ? {} : { object: toInt(object) });
