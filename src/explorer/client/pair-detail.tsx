/** Everything about two calls: both acquisitions of each pair, statuses, source lines, and the host's paths. */
import type { VNode } from "preact";
import { type ContendPair, type PathPair, verdictOf } from "../../analysis/index.ts";
import type { Acquisition } from "../../catalog/index.ts";
import { heldWords, severityText, shortStatus } from "../../report/index.ts";
import { csvText } from "../logic/csv.ts";
import { endId, entryTitle } from "../logic/entry-id.ts";
import { exclusionTexts } from "../logic/exclusions.ts";
import { endsOf } from "../logic/interleaving.ts";
import { bothNames } from "../logic/lock-names.ts";
import { outcomeOf } from "../logic/map.ts";
import { endWords, pairRows } from "../logic/pair-rows.ts";
import { Evidence, Folded, LeafLink, Mode, OutcomeWord, ResourceLink, Saves, Verdict, When } from "./parts.tsx";
import { saveText } from "./save.ts";
import { currentHost, currentModule, linkTo, pairs, setParams } from "./store.ts";

interface DetailProps {
  /** Do the two conflict at all? Null: nothing is chosen. */
  readonly conflict: boolean | null;
  readonly a: string;
  readonly b: string;
}

/** The panel beside the matrix. */
export function PairDetail({ conflict, a, b }: DetailProps): VNode {
  if (conflict === null) {
    return (
      <aside class="detail no-copy" aria-label="The chosen pair">
        <h2>A pair of calls</h2>
        <p class="dim">
          Choose a cell: it says on which locks the two calls meet, who gets which status, and where the source says so.
        </p>
      </aside>
    );
  }
  const met = conflict ? pairsOf(a, b) : [];
  return (
    <aside class="detail" aria-label="The chosen pair">
      <div class="table-head">
        <h2>
          <Entry id={a} /> × <Entry id={b} />
        </h2>
        <span class="saves">
          {conflict ? <Saves name="The pair" csv={() => savePairs(met)} /> : null}
          <button type="button" class="small" onClick={closePair} aria-label="Close the pair">
            ✕
          </button>
        </span>
      </div>
      {conflict ? (
        met.map((pair, i) => <PairBlock key={`${a} ${b} ${i}`} pair={pair} />)
      ) : (
        <p>These two never conflict: they share no lock, or only share it.</p>
      )}
    </aside>
  );
}

/** Closes the pair; the focus goes back to the matrix, to the cell from which it came. */
export function closePair(): void {
  const wasInside = document.activeElement?.closest(".detail") !== null;
  setParams({ a: "", b: "" });
  if (wasInside) document.querySelector<HTMLElement>(".matrix td[tabindex='0']")?.focus({ preventScroll: true });
}

/** The pairs of two entries, possible ones first. */
function pairsOf(a: string, b: string): readonly ContendPair[] {
  const met = pairs.value.filter((pair) => {
    const [x, y] = [endId(pair, "a"), endId(pair, "b")];
    return (x === a && y === b) || (x === b && y === a);
  });
  return met.sort((x, y) => Number(y.possible) - Number(x.possible));
}

function savePairs(pairs: readonly ContendPair[]): void {
  saveText("pair.csv", "text/csv", csvText(pairRows(currentModule.value.catalog, pairs)));
}

function Entry({ id }: { readonly id: string }): VNode {
  const [name = "", variant = null] = id.split("~", 2);
  return <LeafLink name={name} variant={variant} />;
}

function PairBlock({ pair }: { readonly pair: ContendPair }): VNode {
  const ends = endsOf(currentModule.value.catalog.leaves, pair);
  const rowA = ends?.leafA.acquisitions[ends.rowA] ?? null;
  const rowB = ends?.leafB.acquisitions[ends.rowB] ?? null;
  return (
    <section class="pair" aria-label={`on ${pair.resource}`}>
      <h3>
        <ResourceLink name={pair.resource}>{bothNames(pair.resource)}</ResourceLink> <Verdict of={verdictOf(pair)} />{" "}
        {pair.possible && currentHost.value !== null ? <OutcomeWord {...outcomeOf(pair, true)} /> : null}
      </h3>
      {pair.excludedBy.length === 0 ? null : (
        <ul class="reasons">
          {exclusionTexts(pair.excludedBy).map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      <Facts pair={pair} rowA={rowA} rowB={rowB} />
      {pair.possible && (pair.busyA || pair.busyB) ? (
        <a class="button" href={linkTo("runs", pairParams(pair))}>
          Show an interleaving
        </a>
      ) : null}
      {rowA === null ? null : <Evidence sites={rowA.evidence} title={`Where ${pair.a} takes it`} />}
      {rowB === null || (rowA === rowB && pair.a === pair.b) ? null : (
        <Evidence sites={rowB.evidence} title={`Where ${pair.b} takes it`} />
      )}
      {rowA?.release ? <Evidence sites={rowA.release.evidence} title={`Where ${pair.a} gives it back`} /> : null}
      {currentHost.value === null ? null : <Paths paths={pair.paths} host={currentHost.value.name} />}
    </section>
  );
}

/** The pair as parameters of the Runs view. */
function pairParams(pair: ContendPair): Record<string, string> {
  const end = (name: string, variant: string | null): string => (variant === null ? name : `${name}~${variant}`);
  return {
    meet: `${end(pair.a, pair.variantA)} ${end(pair.b, pair.variantB)}`,
    on: pair.resource,
    rows: [pair.resourceA, pair.roleA ?? "", pair.resourceB, pair.roleB ?? ""].join(" "),
  };
}

interface FactsProps {
  readonly pair: ContendPair;
  readonly rowA: Acquisition | null;
  readonly rowB: Acquisition | null;
}

function Facts({ pair, rowA, rowB }: FactsProps): VNode {
  const { catalog } = currentModule.value;
  const status = (code: string | null, busy: boolean): string =>
    code === null ? "none" : `${shortStatus(catalog, code)}${busy ? "" : " (cannot come here)"}`;
  const lines: readonly (readonly [string, string | VNode, string | VNode])[] = [
    ["takes it", <Mode key="a" mode={pair.modeA} />, <Mode key="b" mode={pair.modeB} />],
    ["as", named(pair.resourceA, pair.roleA, rowA), named(pair.resourceB, pair.roleB, rowB)],
    [
      "when",
      <When key="a" words={endWords(pair, "a")} source={pair.whenA} />,
      <When key="b" words={endWords(pair, "b")} source={pair.whenB} />,
    ],
    [
      "held",
      heldWords(rowA?.release ?? null, currentModule.value.catalog) ?? "–",
      heldWords(rowB?.release ?? null, currentModule.value.catalog) ?? "–",
    ],
    ["if busy", status(pair.statusA, pair.busyA), status(pair.statusB, pair.busyB)],
    ["stops at", pair.stopsA, pair.stopsB],
  ];
  return (
    <>
      <table class="facts" aria-label="The two calls on this lock">
        <thead>
          <tr>
            <td />
            <th scope="col">{wayName(pair, "a")}</th>
            <th scope="col">{endId(pair, "a") === endId(pair, "b") ? "on another CPU" : wayName(pair, "b")}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(([head, a, b]) => (
            <tr key={head}>
              <th scope="row">{head}</th>
              <td>{a}</td>
              <td>{b}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="dim">OP_STATEs: {pair.opStates === null ? "any" : pair.opStates.join(", ") || "none"}</p>
    </>
  );
}

const wayName = (pair: ContendPair, end: "a" | "b"): string => entryTitle(endId(pair, end));

function named(resource: string, role: string | null, row: Acquisition | null): string {
  return `${resource}${role === null ? "" : ` ${role}`}${row === null ? "" : ` (${row.object})`}`;
}

const SHOWN = 8;

function Paths({ paths, host }: { readonly paths: readonly PathPair[]; readonly host: string }): VNode {
  if (paths.length === 0) return <p class="dim">{host} never makes both calls.</p>;
  const possible = paths.filter((path) => path.possible).length;
  return (
    <details class="paths" open={possible > 0}>
      <summary>
        Paths of {host}: {possible} of {paths.length} pairs can meet
      </summary>
      <PathList paths={paths.slice(0, SHOWN)} />
      {paths.length > SHOWN ? (
        <Folded title={`and ${paths.length - SHOWN} more`}>{() => <PathList paths={paths.slice(SHOWN)} />}</Folded>
      ) : null}
    </details>
  );
}

function PathList({ paths }: { readonly paths: readonly PathPair[] }): VNode {
  return (
    <ul>
      {paths.map((path, i) => (
        <li key={i}>
          <Verdict of={verdictOf(path)} /> <b>{path.a}</b> × <b>{path.b}</b>
          <br />
          <span class="dim">{path.possible ? outcome(path) : exclusionTexts(path.excludedBy).join("; ")}</span>
        </li>
      ))}
    </ul>
  );
}

type PathEnd = PathPair["endA"];

function outcome({ endA, endB, severity, phases }: PathPair): string {
  const held = ({ held }: PathEnd): string => held.join(", ") || "no lock";
  const reaction = ({ busy, reaction }: PathEnd): string => (busy ? reaction.join(", ") || "not known" : "never BUSY");
  const when = phases.length === 0 ? "" : `; in ${phases.join(", ")}`;
  return `hold ${held(endA)} / ${held(endB)}; on BUSY: ${reaction(endA)} / ${reaction(endB)} (${severityText(severity)})${when}`;
}
