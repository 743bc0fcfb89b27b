/** Whether an extraction changed exactly where a mutation says. */
import type { HostProfile } from "../../src/host/schema.ts";
import { beginsAt, type HostRow, rowsOf } from "../../test/kernel/oracle/compare.ts";
import type { Oracle } from "../../test/kernel/oracle/oracle.ts";
import type { Expectation, Mutation } from "./mutations.ts";

/** A row that is expected; what is not fixed to a list is asked of a test. */
interface Wanted {
  readonly entry: string;
  readonly row: HostRow;
  readonly busy: ((busy: readonly string[]) => boolean) | null;
  readonly mayGo: boolean;
}

/**
 * What is wrong with what came out after a mutation, as sentences; nothing if it changed as it should.
 *
 * @param before what comes out of the tree without the mutation
 */
export function judge(mutation: Mutation, before: HostProfile, after: HostProfile, oracle: Oracle): string[] {
  const faults: string[] = [];
  const old = byEntry(before);
  const wanted = wantedRows(mutation, old, oracle, faults);
  const got = byEntry(after);
  for (const { entry, row } of got)
    if (!wanted.some((want) => fits(want, entry, row)) && !mayCome(mutation, entry, row, oracle))
      faults.push(`came out: ${words(entry, row)}`);
  for (const want of wanted)
    if (!want.mayGo && !got.some(({ entry, row }) => fits(want, entry, row)))
      faults.push(`did not come out: ${words(want.entry, want.row)}`);

  const news = newDiagnostics(before, after);
  if (mutation.noticed && news.length === 0) faults.push("no diagnostic says that an assertion is not met");
  if (mutation.kind === "control") for (const message of news) faults.push(`a new diagnostic: ${message}`);
  return faults;
}

/** Messages, without numbers of lines, that came out oftener than before. */
export function newDiagnostics(before: HostProfile, after: HostProfile): string[] {
  const plain = (profile: HostProfile): string[] =>
    (profile.extracted?.diagnostics ?? []).map(
      ({ code, message, file }) => `${code} ${file ?? ""} ${message.replace(/:\d+/g, "")}`,
    );
  const rest = plain(before);
  return plain(after).filter((message) => {
    const at = rest.indexOf(message);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

/** Every row once for every entry of its path. */
function byEntry(profile: HostProfile): { entry: string; row: HostRow }[] {
  const entries = new Map(profile.paths.map(({ name, entries }) => [name, entries ?? [name]]));
  return rowsOf(profile).flatMap((row) => (entries.get(row.path) ?? []).map((entry) => ({ entry, row: derived(row) })));
}

/** A row with what code on the way takes, and what a rule says: an assertion alone is no lock. */
function derived(row: HostRow): HostRow {
  return { ...row, holds: row.holds.filter((lock) => !row.asserted.includes(lock)) };
}

function wantedRows(
  { expect }: Mutation,
  old: readonly { entry: string; row: HostRow }[],
  oracle: Oracle,
  faults: string[],
): Wanted[] {
  const used = new Set<Expectation>();
  const out = old.flatMap(({ entry, row }) => {
    const here = expect.filter((one) => concerns(one, entry, row, oracle));
    for (const one of here) used.add(one);
    const plain: Wanted = { entry, row, busy: null, mayGo: false };
    const changed = here.reduce(changedBy, plain);
    const copies = here.flatMap(({ like, orBusy }) => [
      ...(like === undefined ? [] : [{ ...plain, entry: likeEntry(entry, like) }]),
      ...(orBusy === undefined ? [] : [{ ...changed, row: { ...changed.row, busy: orBusy } }]),
    ]);
    return here.some(({ also }) => also) ? [plain, changed, ...copies] : [changed, ...copies];
  });
  for (const one of expect) if (!used.has(one)) faults.push(`concerns no row: ${JSON.stringify(one)}`);
  return out;
}

const likeEntry = (entry: string, command: string): string => entry.replace(/\w+$/, command);

function concerns(one: Expectation, entry: string, row: HostRow, oracle: Oracle): boolean {
  if (one.calls !== undefined && !one.calls.includes(row.call)) return false;
  if (one.holding !== undefined && !one.holding.every((lock) => row.holds.includes(lock))) return false;
  const way = new Set(entry.split(/[^\w*]+/));
  if (one.entry !== undefined && !way.has(one.entry)) return false;
  return oracle.paths.some(
    (path) =>
      one.at.includes(path.id) &&
      path.steps.some(({ call }) => call === row.call) &&
      beginsAt(path, one.entry === undefined ? new Set([...way, ...row.functions]) : way, oracle),
  );
}

/** Rows that an assertion kept away which is not met any more. */
function mayCome({ expect }: Mutation, entry: string, row: HostRow, oracle: Oracle): boolean {
  const way = new Set([...entry.split(/[^\w*]+/), ...row.functions]);
  return expect.some(
    (one) =>
      one.mayCome?.includes(row.call) &&
      oracle.paths.some((path) => one.at.includes(path.id) && beginsAt(path, way, oracle)),
  );
}

function changedBy(want: Wanted, one: Expectation): Wanted {
  const { row } = want;
  const holds = [...row.holds.filter((lock) => !one.lose?.includes(lock)), ...(one.gain ?? [])];
  const { busyWith, withoutBusy } = one;
  const test =
    busyWith !== undefined
      ? (busy: readonly string[]) => busy.some((clause) => clause.split(", ").includes(busyWith))
      : withoutBusy !== undefined
        ? (busy: readonly string[]) => !busy.some((clause) => clause.split(", ").includes(withoutBusy))
        : want.busy;
  return {
    ...want,
    row: {
      ...row,
      holds: [...new Set(holds)].sort(),
      phases: [...(one.phases ?? row.phases)].sort(),
      overruns: [...(one.overruns ?? row.overruns)].sort(),
      busy: one.busy ?? row.busy,
      onEach: one.onEach ?? row.onEach,
    },
    busy: test,
    mayGo: want.mayGo || one.mayGo === true,
  };
}

function fits(want: Wanted, entry: string, row: HostRow): boolean {
  const same = (a: readonly string[], b: readonly string[]): boolean => String(a) === String(b);
  return (
    want.entry === entry &&
    want.row.call === row.call &&
    want.row.exceptional === row.exceptional &&
    want.row.onEach === row.onEach &&
    same(want.row.holds, row.holds) &&
    same(want.row.phases, row.phases) &&
    same(want.row.overruns, row.overruns) &&
    (want.busy === null ? same(want.row.busy, row.busy) : want.busy(row.busy))
  );
}

function words(entry: string, { call, holds, phases, overruns, busy, exceptional }: HostRow): string {
  const over = overruns.length === 0 ? "" : `, into ${overruns.join(" and ")}`;
  return `${call} {${holds.join(", ")}} in ${phases.join(" and ")}${over}; BUSY: ${busy.join("; ") || "nothing"}${exceptional ? "; exceptional" : ""} (${entry})`;
}
