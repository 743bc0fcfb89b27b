/** Compares an extracted profile with what was read by hand: pairs of call and lock set, and path by path what else was said. */
import type { HostProfile } from "../../../src/host/schema.ts";
import { heldAt, lockUse } from "../../../src/host/uses.ts";
import { heldAtStep, type Oracle, type OraclePath, type OracleStep } from "./oracle.ts";

/** One call of a profile, with all that is compared. */
export interface HostRow {
  readonly path: string;
  /** The leaf, as the hand-read files write it. */
  readonly call: string;
  /** Functions, labels and commands from the entry to the call. */
  readonly way: ReadonlySet<string>;
  /** `file:line` of the call, if the profile says so. */
  readonly site: string | null;
  /** The function that makes the call, and all that it is called through. */
  readonly functions: readonly string[];
  /** What is held, without what is only stated: `lock`, `lock/r`, `lock:target`. Sorted. */
  readonly holds: readonly string[];
  /** Of `holds`, what lockdep asserts and no code on the way takes. */
  readonly asserted: readonly string[];
  readonly phases: readonly string[];
  readonly overruns: readonly string[];
  readonly exceptional: boolean;
  /** One run makes the call at once on several CPUs. */
  readonly onEach: "cpu" | "package" | undefined;
  /** Each clause as `on: do, do`. */
  readonly busy: readonly string[];
}

/** A leaf in any spelling, wrappers of one leaf under one name: `tdh_phymem_page_wbinvd_hkid` is `tdh_phymem_page_wbinvd`. */
export function leafName(call: string): string {
  const name = call
    .toLowerCase()
    .replace(/[. ]/g, "_")
    .replace(/^p_(?=seamldr)/, "");
  return name.replace(/^(tdh_phymem_page_wbinvd)_\w+$/, "$1");
}

const lockText = (lock: string, mode: string | undefined, of: string | undefined): string =>
  `${lock}${mode === "shared" ? "/r" : ""}${of === undefined || of === "self" ? "" : `:${of}`}`;

/** All calls of a profile. */
export function rowsOf(profile: HostProfile): HostRow[] {
  return profile.paths.flatMap((path) =>
    path.steps.map((step) => {
      const uses = heldAt(path, step)
        .map(lockUse)
        .filter(({ by, assumed }) => by !== "stated" && (by !== undefined || assumed === undefined));
      const chain = step.evidence ?? [];
      const last = chain.at(-1);
      return {
        path: path.name,
        call: leafName(step.call),
        way: new Set([
          ...(path.entries ?? []).flatMap((entry) => entry.split(/[^\w*]+/)),
          ...chain.flatMap((place) => [place.function, ...(place.case ?? "").split(/[^\w*]+/)]),
        ]),
        site: last === undefined ? null : `${last.file}:${last.line}`,
        functions: chain.map((place) => place.function),
        holds: uses.map(({ lock, mode, of }) => lockText(lock, mode, of)).sort(),
        asserted: uses
          .filter(({ by }) => by === "asserted")
          .map(({ lock, mode, of }) => lockText(lock, mode, of))
          .sort(),
        phases: [...(step.phases ?? path.phases)].sort(),
        // A step that is made in a later phase anyway does not last into it.
        overruns: (path.overruns ?? []).filter((name) => !(step.phases ?? path.phases).includes(name)).sort(),
        exceptional: path.exceptional !== undefined || step.exceptional !== undefined,
        onEach: step.onEach,
        busy: (step.onBusy ?? []).map(
          (clause) => `${clause.on === undefined ? "" : `${clause.on.join("|")}: `}${clause.do.join(", ")}`,
        ),
      };
    }),
  );
}

/** What was read by hand of one step. */
export interface OracleRow {
  readonly path: OraclePath;
  readonly step: OracleStep;
  readonly holds: readonly string[];
}

/** All calls of a hand-read file, without what its entry's file is not read for. */
export function oracleRows(oracle: Oracle): OracleRow[] {
  return oracle.paths.flatMap((path) =>
    path.steps.map((step) => ({
      path,
      step,
      holds: lockTexts(path, step),
    })),
  );
}

const lockTexts = (path: OraclePath, step: OracleStep): string[] =>
  heldAtStep(path, step)
    .filter(({ by }) => by !== "stated")
    .map(({ lock, mode, of }) => lockText(lock, mode, of))
    .sort();

const pair = (call: string, holds: readonly string[]): string => `${call} {${holds.join(", ")}}`;

/** Whether a way, its functions, labels and commands, begins where a hand-read path does. */
export function beginsAt(path: OraclePath, way: ReadonlySet<string>, oracle: Oracle): boolean {
  const { function: entry, labels } = path.entry;
  if (labels.length === 0 || !entry.endsWith("_ioctl")) return [entry, ...labels].some((name) => way.has(name));
  if (!way.has(entry)) return false;
  if (labels[0] === "KVM_MEMORY_ENCRYPT_OP") return way.has(labels.at(-1) ?? "");
  if (labels.some((label) => way.has(label))) return true;
  if (!labels.includes("*")) return false;
  const named = oracle.paths.flatMap((other) =>
    other === path || other.entry.function !== entry ? [] : other.entry.labels,
  );
  return !named.some((label) => way.has(label) && label !== "KVM_MEMORY_ENCRYPT_OP" && label !== "KVM_RUN");
}

export interface Comparison {
  readonly recall: number;
  readonly precision: number;
  /** Pairs that were read and did not come out; pairs that came out and were neither read nor tolerated. */
  readonly missed: readonly string[];
  readonly extra: readonly string[];
  readonly tolerated: readonly string[];
  /** Rows that must not come out. */
  readonly forbidden: readonly string[];
  /** What differs path by path: `id call: what`. */
  readonly differences: readonly {
    readonly kind: "row" | "phases" | "overruns" | "reaction" | "exceptional" | "at once";
    readonly text: string;
  }[];
  /** Steps that were found with their lock set, and how many agree in each further respect. */
  readonly steps: number;
  readonly found: number;
  readonly agreeing: {
    readonly phases: number;
    readonly overruns: number;
    readonly reaction: number;
    readonly exceptional: number;
    readonly "at once": number;
  };
}

/** Compares; an exact list of what differs is part of the answer. */
export function compare(oracle: Oracle, profile: HostProfile): Comparison {
  const rows = rowsOf(profile);
  const read = oracleRows(oracle);
  const readPairs = new Set(read.map(({ step, holds }) => pair(step.call, holds)));
  const rowPairs = new Set(rows.map(({ call, holds }) => pair(call, holds)));
  const isTolerated = (row: HostRow): boolean =>
    oracle.tolerated.some(
      ({ calls, entry, needs }) =>
        calls.includes(row.call) &&
        (entry === null || row.way.has(entry)) &&
        needs.every((lock) => row.holds.some((held) => held.replace(/[/:].*/, "") === lock)),
    );
  const missed = [...readPairs].filter((one) => !rowPairs.has(one)).sort();
  const unknown = [...rowPairs].filter((one) => !readPairs.has(one)).sort();
  const tolerated = unknown.filter((one) =>
    rows.filter(({ call, holds }) => pair(call, holds) === one).every(isTolerated),
  );
  const extra = unknown.filter((one) => !tolerated.includes(one));

  const forbidden = rows.flatMap((row) =>
    oracle.absent
      .filter(
        ({ calls, entry, except }) =>
          calls.includes(row.call) &&
          row.way.has(entry.function) &&
          (entry.labels.length === 0 || entry.labels.some((label) => row.way.has(label))) &&
          !(except ?? [null]).every((lock) => lock !== null && row.holds.some((held) => held.startsWith(lock))),
      )
      .map(({ why }) => `${row.path}: ${pair(row.call, row.holds)} (${why})`),
  );

  const differences: { kind: Comparison["differences"][number]["kind"]; text: string }[] = [];
  const agreeing = { phases: 0, overruns: 0, reaction: 0, exceptional: 0, "at once": 0 };
  let found = 0;
  const matched = new Set<HostRow>();
  for (const one of read) {
    const { path, step, holds } = one;
    const name = `${path.id} ${step.call}`;
    const here = rows.filter((row) => row.call === step.call && beginsAt(path, row.way, oracle));
    // What happens before the command is looked at belongs to none of them, or to each.
    const exact = here.filter((row) => String(row.holds) === String(holds));
    const same =
      exact.length > 0
        ? exact
        : rows.filter(
            (row) => row.call === step.call && row.way.has(path.entry.function) && String(row.holds) === String(holds),
          );
    for (const row of same) matched.add(row);
    if (same.length === 0) {
      const instead =
        here.length === 0 ? "no row" : here.map((row) => `{${row.holds.join(", ")}} (${row.path})`).join(" and ");
      differences.push({ kind: "row", text: `${name}: read {${holds.join(", ")}}, got ${instead}` });
      continue;
    }
    found++;
    // One entry may make a call twice under the same locks: every step wants one row, and no row may be like none of the steps.
    const twins = read.filter(
      (other) =>
        String([other.path.entry.function, ...other.path.entry.labels]) ===
          String([path.entry.function, ...path.entry.labels]) &&
        other.step.call === step.call &&
        String(other.holds) === String(holds),
    );
    const check = (
      kind: keyof typeof agreeing,
      wanted: string,
      got: (row: HostRow) => string,
      right: (row: HostRow, read: OracleRow) => boolean,
    ): void => {
      const wrong = same.filter((row) => !twins.some((twin) => right(row, twin)) && !isTolerated(row));
      if (wrong.length === 0 && same.some((row) => right(row, one))) agreeing[kind]++;
      else
        differences.push({
          kind,
          text: `${name}: read ${wanted}, got ${[...new Set((wrong.length === 0 ? same : wrong).map(got))].join(" / ")} (${(wrong[0] ?? same[0])?.path})`,
        });
    };
    const phasesOf = (read: OracleRow): string => [...(read.step.phases ?? read.path.phases)].sort().join(" ");
    if (path.phases.length === 0) agreeing.phases++;
    else
      check(
        "phases",
        phasesOf(one),
        (row) => row.phases.join(" "),
        (row, read) => row.phases.join(" ") === phasesOf(read),
      );
    const overrunsOf = (read: OracleRow): string => [...(read.path.overruns ?? [])].sort().join(" ") || "none";
    check(
      "overruns",
      overrunsOf(one),
      (row) => row.overruns.join(" ") || "none",
      (row, read) => (row.overruns.join(" ") || "none") === overrunsOf(read),
    );
    check(
      "reaction",
      reactionText(step),
      (row) => row.busy.join("; ") || "nothing",
      (row, read) => reactionAgrees(read.step, row),
    );
    check(
      "exceptional",
      path.ordinary ? "ordinary" : "exceptional",
      (row) => (row.exceptional ? "exceptional" : "ordinary"),
      (row, read) => row.exceptional === !read.path.ordinary,
    );
    check(
      "at once",
      step.onEach ?? "no",
      (row) => row.onEach ?? "no",
      (row, read) => row.onEach === read.step.onEach,
    );
  }
  for (const row of rows) {
    if (matched.has(row) || isTolerated(row)) continue;
    differences.push({
      kind: "row",
      text: `${row.path}: got ${pair(row.call, row.holds)}, which was not read there (${row.site ?? "no place"})`,
    });
  }
  const right = readPairs.size - missed.length;
  return {
    recall: right / readPairs.size,
    precision: rowPairs.size === 0 ? 0 : (rowPairs.size - extra.length) / rowPairs.size,
    missed,
    extra,
    tolerated,
    forbidden,
    differences,
    steps: read.length,
    found,
    agreeing,
  };
}

const reactionText = (step: OracleStep): string => step.onBusy.map((clause) => clause.do.join(", ")).join("; ");

/** Whether a row's clauses say what was read: the same sequence, but for what may also be said. */
function reactionAgrees(step: OracleStep, row: HostRow): boolean {
  const got = row.busy.map((clause) => clause.replace(/^[^:]*: (?=\w)/, "").split(", "));
  if (got.length === 0) return false;
  return step.onBusy.every(({ do: wanted, mayAlso = [] }) =>
    got.some((clause) => {
      const rest = clause.filter((reaction) => wanted.includes(reaction) || !mayAlso.includes(reaction));
      return String(rest) === String(wanted);
    }),
  );
}

/** The comparison in words, for people. */
export function comparisonText(kernel: string, result: Comparison): string {
  const percent = (part: number, whole: number): string =>
    `${part} of ${whole}${whole === 0 ? "" : ` (${((100 * part) / whole).toFixed(1)} %)`}`;
  const list = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
  return [
    `linux ${kernel}: recall ${result.recall.toFixed(3)}, precision ${result.precision.toFixed(3)} of pairs of call and lock set`,
    `  steps with exactly this lock set on their path: ${percent(result.found, result.steps)}`,
    `  of these agree: phases ${percent(result.agreeing.phases, result.found)}, overruns ${percent(result.agreeing.overruns, result.found)}, reaction ${percent(result.agreeing.reaction, result.found)}, ordinary or not ${percent(result.agreeing.exceptional, result.found)}, at once ${percent(result.agreeing["at once"], result.found)}`,
    ...list("missed", result.missed),
    ...list("extra", result.extra),
    ...list("tolerated", result.tolerated),
    ...list("must not come out", result.forbidden),
    ...list(
      "differences",
      result.differences.map(({ kind, text }) => `[${kind}] ${text}`),
    ),
  ].join("\n");
}

/** The profile that says what was read: the measure of the comparison itself. */
export function idealProfile(oracle: Oracle): HostProfile {
  return {
    schema: "seamlock/host@1",
    name: oracle.kernel.version,
    description: "as read by hand",
    sources: ["read by hand"],
    phases: oracle.phases.map((name) => ({ name, what: name })),
    locks: [...oracle.locks],
    paths: oracle.paths.map((path) => ({
      name: path.id,
      entries: [[path.entry.function, ...path.entry.labels].join(" ")],
      per: path.per,
      phases: path.phases.length === 0 ? ["init"] : path.phases,
      ...(path.overruns === undefined ? {} : { overruns: path.overruns }),
      ...(path.ordinary ? {} : { exceptional: String(path.why) }),
      sources: ["read by hand"],
      steps: path.steps.map((step) => ({
        call: step.call,
        ...(step.phases === undefined ? {} : { phases: step.phases }),
        ...(step.onEach === undefined ? {} : { onEach: step.onEach }),
        holds: heldAtStep(path, step).map(({ lock, mode, of, by }) => ({
          lock,
          ...(mode === undefined ? {} : { mode }),
          ...(of === undefined ? {} : { of }),
          by: by === "stated" ? ("stated" as const) : ("derived" as const),
        })),
        onBusy: step.onBusy.map((clause) => ({ do: clause.do })),
      })),
    })),
  };
}
