/** What is wrong with an address. Nothing is silently replaced: a page with a fault says so and computes nothing. */
import { resourceUsers } from "../../analysis/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import { nearest, thousands } from "../../text.ts";
import type { ExplorerData, NamedHost } from "../data.ts";
import { NO_HOST } from "./choice.ts";
import { entryId } from "./entry-id.ts";
import { ORDERS } from "./matrix-order.ts";
import { type Route, VIEWS, type View } from "./route.ts";
import { factsOf, policiesOf, SIZES, scenarioOf } from "./run-request.ts";
import { LARGEST } from "./simulation.ts";

/** One parameter with a value that means nothing here. */
export interface AddressFault {
  /** The parameter; empty for the view itself. */
  readonly name: string;
  readonly value: string;
  /** `The address names the module “1.5.99”, which is not here.` */
  readonly message: string;
  /** What can stand there, the most likely first; empty where any of very many can. */
  readonly choices: readonly string[];
}

interface Context {
  readonly data: ExplorerData;
  readonly params: Readonly<Record<string, string>>;
  /** Null where the address names a module that is not here; what depends on it is not judged then. */
  readonly catalog: Catalog | null;
}

/** Says what is wrong with a value; null: nothing. */
type Check = (value: string, context: Context) => Omit<AddressFault, "name" | "value"> | null;

/** One of some names. `of` gives null where they cannot be known; `usual` is offered first where no name is near. */
function oneOf(
  what: string,
  of: (context: Context) => readonly string[] | null,
  usual: (data: ExplorerData) => string | null = () => null,
): Check {
  return (value, context) => {
    const known = of(context);
    if (known === null || known.includes(value)) return null;
    const near = nearest(value, known) ?? usual(context.data);
    const choices = near === null ? known : [near, ...known.filter((name) => name !== near)];
    return { message: `The address names the ${what} “${value}”, which is not here.`, choices };
  };
}

function whole(what: string, least: number, most: number): Check {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return null;
    const message = `The address gives “${value}” for ${what}: a whole number from ${least} to ${thousands(most)} belongs there.`;
    return { message, choices: [] };
  };
}

const names = (items: readonly { readonly name: string }[]): string[] => items.map(({ name }) => name);
const entries = ({ catalog }: Context): string[] | null =>
  catalog === null ? null : [...new Set(catalog.leaves.flatMap((leaf) => [entryId(leaf), leaf.name]))];
const resources = ({ catalog }: Context): string[] | null =>
  catalog === null ? null : resourceUsers(catalog).map(({ resource }) => resource);

const module = oneOf(
  "module",
  ({ data }) => names(data.modules),
  ({ initial }) => initial.module,
);
const host = oneOf(
  "host",
  ({ data }) => [...names(data.hosts), NO_HOST],
  ({ initial }) => initial.host,
);
/** The host that the address names; null where it names none, or one that is not here. */
const chosenHost = ({ data, params }: Context): NamedHost | null =>
  data.hosts.find(({ name }) => name === ((params["host"] ?? "") || data.initial.host)) ?? null;
const entry = oneOf("call", entries);
/** One way in which a call works: a name alone would leave open which is meant, and nothing is chosen for the reader. */
const oneWay: Check = (value, context) => {
  const ways = context.catalog?.leaves.filter(({ name }) => name === value) ?? [];
  if (ways.length < 2) return entry(value, context);
  const message = `The address names the call “${value}”, which works in ${ways.length} ways here.`;
  return { message, choices: ways.map(entryId) };
};
const anything: Check = () => null;

/** Both ends of a pair, or none. */
function pairEnd(other: "a" | "b"): Check {
  return (value, context) => {
    const wrong = oneWay(value, context);
    if (wrong !== null || (context.params[other] ?? "") !== "") return wrong;
    return { message: `The address names one call of a pair, “${value}”, and not the other one.`, choices: [] };
  };
}

const twoCalls: Check = (value, context) => {
  const [a = "", b = "", ...rest] = value.split(" ");
  const message = `The address says that “${value}” meet: the names of two calls belong there.`;
  if (a === "" || b === "" || rest.length > 0) return { message, choices: [] };
  const wrong = oneWay(a, context) ?? oneWay(b, context);
  if (wrong !== null || (context.params["on"] ?? "") !== "") return wrong;
  return { message: `The address says that “${value}” meet, and not on which lock: “on” names it.`, choices: [] };
};

/** A call of either of two versions that are compared. */
const eitherCall = oneOf("call", ({ data, params, catalog }) => {
  const other = data.modules.find(({ name }) => name === params["compare"])?.catalog;
  if (catalog === null || (params["compare"] ?? "") === "" || other === undefined) return null;
  return [...new Set([...catalog.leaves, ...other.leaves].map(({ name }) => name))];
});

const policy = oneOf("policy", (context) => {
  const file = scenarioOf(context.data, context.params);
  return file === null || factsOf(file).scenario === null ? null : policiesOf(file, chosenHost(context));
});

/** A size that the scenario has; how large it may be the scenario's own schema says when it is run. */
function size(path: string, label: string): Check {
  return (value, context) => {
    const file = scenarioOf(context.data, context.params);
    const facts = file === null ? null : factsOf(file);
    if (facts !== null && facts.scenario !== null && facts.parameters[path] === undefined) {
      return { message: `The address gives ${label} “${value}”, which ${file?.name} does not have.`, choices: [] };
    }
    return whole(label, 0, 1000)(value, context);
  };
}

const MATRIX: Readonly<Record<string, Check>> = {
  scope: oneOf("choice of calls", ({ data, params }) => {
    const none = ((params["host"] ?? "") || data.initial.host || NO_HOST) === NO_HOST;
    return ["kvm", "all", ...(none ? [] : ["host"])];
  }),
  resource: oneOf("lock", resources),
  op: oneOf("OP_STATE", ({ catalog }) => catalog && [...catalog.opStates]),
  side: oneOf("side", () => ["host", "guest"]),
  order: oneOf("order", () => ORDERS.map(([order]) => order)),
  fold: oneOf("value of fold", () => ["0"]),
  a: pairEnd("b"),
  b: pairEnd("a"),
};

/** What each view understands beside module, host and compare. */
const VIEW_PARAMS: Readonly<Record<View, Readonly<Record<string, Check>>>> = {
  home: MATRIX,
  matrix: MATRIX,
  calls: { leaf: entry },
  resources: { resource: oneOf("lock", resources) },
  versions: { leaf: eitherCall, all: oneOf("value of all", () => ["1"]) },
  hosts: {
    with: host,
    path: oneOf("path of this host", (context) => chosenHost(context)?.profile.paths.map(({ name }) => name) ?? null),
    lock: oneOf("lock of this host", (context) => chosenHost(context)?.profile.locks.map(({ name }) => name) ?? null),
  },
  runs: {
    scenario: oneOf("scenario", ({ data }) => names(data.scenarios)),
    policy,
    ...Object.fromEntries(SIZES.map(([name, path, label]) => [name, size(path, label)])),
    run: oneOf("kind of run", () => ["1", "simulate"]),
    seed: whole("the seed", 0, LARGEST.seed),
    runs: whole("the number of runs", 1, LARGEST.runs),
    steps: whole("the steps of a run", 1, LARGEST.steps),
    schedule: oneOf("schedule", () => ["fair", "priority"]),
    meet: twoCalls,
    on: oneOf("lock", resources),
    rows: anything,
    // Which steps and runs there are is known once it has run; the player says so.
    step: whole("the step", 1, 1_000_000_000),
    play: anything,
    state: oneOf("value of state", () => ["all"]),
    find: anything,
  },
  explain: { line: anything },
};

const COMMON: Readonly<Record<string, Check>> = { module, host, compare: module };

/** The parameters of each view whose values are judged, each as `view name`. */
export const JUDGED: readonly string[] = VIEWS.flatMap((view) =>
  Object.entries({ ...COMMON, ...VIEW_PARAMS[view] }).flatMap(([name, check]) =>
    check === anything ? [] : [`${view} ${name}`],
  ),
);

/** Everything that is wrong with an address, in the order of its parameters. */
export function faultsOf({ view, asked, params }: Route, data: ExplorerData): readonly AddressFault[] {
  const wanted = (params["module"] ?? "") || data.initial.module;
  const catalog = data.modules.find(({ name }) => name === wanted)?.catalog ?? null;
  const checks = { ...COMMON, ...VIEW_PARAMS[view] };
  const context = { data, params, catalog };
  const faults = Object.entries(params).flatMap(([name, value]): AddressFault[] => {
    if (value === "") return [];
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const wrong = check === undefined ? unknownParameter(name, Object.keys(checks)) : check(value, context);
    return wrong === null ? [] : [{ name, value, ...wrong }];
  });
  const viewKnown = asked === "" || (VIEWS as readonly string[]).includes(asked);
  if (viewKnown) return faults;
  const message = `The address asks for the view “${asked}”, which is not here.`;
  return [{ name: "", value: asked, message, choices: VIEWS }, ...faults];
}

function unknownParameter(name: string, known: readonly string[]): Omit<AddressFault, "name" | "value"> {
  const near = nearest(name, known);
  const meant = near === null ? "" : ` Did you mean “${near}”?`;
  return { message: `The address has “${name}”, which this view does not understand.${meant}`, choices: [] };
}
