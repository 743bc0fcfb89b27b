/** Smaller houses that still show what a house showed. */
import type { Call, House, Path, Row, Step } from "./house.ts";

/** A smallest house, as far as taking one thing away at a time leads, that still does what is asked for. */
export function shrink(house: House, shows: (smaller: House) => boolean): House {
  let best = house;
  for (let smaller = next(best, shows); smaller !== null; smaller = next(best, shows)) best = smaller;
  return best;
}

function next(house: House, shows: (smaller: House) => boolean): House | null {
  for (const smaller of houses(house)) {
    try {
      if (shows(smaller)) return smaller;
    } catch {
      // No house at all: a lock or a phase is missing that something names.
    }
  }
  return null;
}

function* houses(house: House): Generator<House> {
  for (const list of ["paths", "calls", "locks", "phases", "guest", "guestOnBusy"] as const)
    for (const [i] of house[list].entries())
      yield { ...house, [list]: (house[list] as readonly unknown[]).toSpliced(i, 1) };
  if (house.pageSizes !== undefined) yield without(house, "pageSizes");
  for (const [i, lock] of house.locks.entries()) {
    const paths = house.paths.map((path) => ({
      ...path,
      holds: path.holds.filter((use) => use.lock !== lock.name),
      steps: path.steps.map((step) => ({ ...step, holds: step.holds.filter((use) => use.lock !== lock.name) })),
    }));
    yield { ...house, locks: house.locks.toSpliced(i, 1), paths };
  }
  for (const [i, phase] of house.phases.entries()) {
    if (phase.singleThreaded) yield { ...house, phases: house.phases.with(i, { name: phase.name }) };
    const less = (of: readonly string[]): string[] => of.filter((name) => name !== phase.name);
    const paths = house.paths.map((path): Path => {
      const steps = path.steps.map((step) =>
        step.phases === undefined ? step : { ...step, phases: less(step.phases) },
      );
      const over = less(path.overruns ?? []);
      return {
        ...without(path, "overruns"),
        phases: less(path.phases),
        ...(over.length > 0 && { overruns: over }),
        steps,
      };
    });
    yield { ...house, phases: house.phases.toSpliced(i, 1), paths };
  }
  for (const [i, path] of house.paths.entries())
    for (const smaller of lessPath(path)) yield { ...house, paths: house.paths.with(i, smaller) };
  for (const [i, call] of house.calls.entries())
    for (const smaller of lessCall(call)) yield { ...house, calls: house.calls.with(i, smaller) };
}

function* lessPath(path: Path): Generator<Path> {
  for (const [i] of path.steps.entries()) yield { ...path, steps: path.steps.toSpliced(i, 1) };
  for (const [i] of path.holds.entries()) yield { ...path, holds: path.holds.toSpliced(i, 1) };
  for (const [i] of path.phases.entries()) yield { ...path, phases: path.phases.toSpliced(i, 1) };
  for (const field of ["overruns", "atMostOne"] as const) if (path[field] !== undefined) yield without(path, field);
  for (const [i, step] of path.steps.entries())
    for (const smaller of lessStep(step)) yield { ...path, steps: path.steps.with(i, smaller) };
}

function* lessStep(step: Step): Generator<Step> {
  for (const [i] of step.holds.entries()) yield { ...step, holds: step.holds.toSpliced(i, 1) };
  for (const [i, clause] of step.onBusy.entries()) {
    yield { ...step, onBusy: step.onBusy.toSpliced(i, 1) };
    if (clause.do.length > 1)
      for (const [k] of clause.do.entries())
        yield { ...step, onBusy: step.onBusy.with(i, { ...clause, do: clause.do.toSpliced(k, 1) }) };
  }
  for (const field of ["variant", "phases", "onEach", "vcpu"] as const)
    if (step[field] !== undefined) yield without(step, field);
}

function* lessCall(call: Call): Generator<Call> {
  if (call.variant !== null) yield { ...call, variant: null };
  if (call.opStates !== null) yield { ...call, opStates: null };
  if (call.septStates !== null) yield { ...call, septStates: null };
  for (const [i] of call.rows.entries()) {
    const rows = call.rows.toSpliced(i, 1).map((row): Row => {
      if (row.until === undefined || row.until <= i) return row;
      return row.until === i + 1 && i === call.rows.indexOf(row) + 1
        ? { ...without(row, "until"), release: "leaf-exit" }
        : { ...row, until: row.until - 1 };
    });
    if (rows.length > 0) yield { ...call, rows };
  }
  if (call.rows.some(({ failing }) => failing !== undefined))
    yield { ...call, rows: call.rows.map((row) => without(row, "failing")) };
  for (const [i, row] of call.rows.entries()) {
    const smaller: Row[] = [];
    if (row.maybe) smaller.push({ ...row, maybe: false });
    if (row.until !== undefined) smaller.push({ ...without(row, "until"), release: "leaf-exit" });
    if (row.sequence !== undefined) smaller.push(without(row, "sequence"));
    if (row.td !== undefined) smaller.push(without(row, "td"));
    if (row.operand === null) smaller.push({ ...row, operand: "RCX" });
    for (const one of smaller) yield { ...call, rows: call.rows.with(i, one) };
  }
}

function without<T extends object, K extends keyof T>(of: T, key: K): T {
  const { [key]: _, ...rest } = of;
  return rest as unknown as T;
}

/** A house as text, a line for each thing. */
export function written({ calls, phases, locks, paths, guest, guestOnBusy, pageSizes }: House): string {
  const lines = [
    ...calls.map(
      ({ rows, ...call }) =>
        `call ${JSON.stringify(call)}${rows.map((row) => `\n    ${JSON.stringify(row)}`).join("")}`,
    ),
    ...phases.map((phase) => `phase ${JSON.stringify(phase)}`),
    ...locks.map((lock) => `lock ${JSON.stringify(lock)}`),
    ...paths.map(
      ({ steps, ...path }) =>
        `path ${JSON.stringify(path)}${steps.map((step) => `\n    ${JSON.stringify(step)}`).join("")}`,
    ),
    `guest ${JSON.stringify({ guest, guestOnBusy, pageSizes })}`,
  ];
  return lines.join("\n");
}
