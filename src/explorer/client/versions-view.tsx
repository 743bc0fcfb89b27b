/** What changed between two modules, causes first, and every leaf through all versions. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { RowChange } from "../../analysis/index.ts";
import { placeText, sourceUrl } from "../../catalog/index.ts";
import { conditionWords, goesOtherwise, hostTitle } from "../../report/index.ts";
import { csvText } from "../logic/csv.ts";
import type { Question, VersionsAnswer } from "../logic/questions.ts";
import { SIGNS, type Timeline, timelinePicture, timelineRows, WORDS } from "../logic/versions.ts";
import { areKnown, ask, known } from "./analyst.ts";
import { Changes } from "./changes.tsx";
import { memo } from "./memo.ts";
import { type Column, Folded, LeafLink, LinkedPlace, Mode, Saves, Select, Table, When } from "./parts.tsx";
import { saveText } from "./save.ts";
import { compared, currentHost, currentModule, data, linkTo, param, setParams } from "./store.ts";

type DiffQuestion = Extract<Question, { kind: "diff" }>;

/** The view. */
export function VersionsView(): VNode {
  const after = currentModule.value;
  const before = compared.value;
  const { modules } = data.value;
  const leaf = param("leaf");
  const host = currentHost.value?.name ?? null;
  const question: DiffQuestion = { kind: "diff", before: before.name, after: after.name, host, leaf: leaf || null };
  const names = modules.map(({ name }) => [name, name] as const);
  return (
    <>
      <form class="filters" aria-label="Choice of the versions" onSubmit={(event) => event.preventDefault()}>
        <Select label="From" name="compare" value={before.name} options={names} />
        <Select label="to" name="module" value={after.name} options={names} />
        <button type="button" onClick={() => setParams({ module: before.name, compare: after.name })}>
          ⇄ Swap
        </button>
        {leaf === "" ? null : (
          <button type="button" onClick={() => setParams({ leaf: "" })}>
            ✕ only {leaf}
          </button>
        )}
      </form>
      <Difference answer={known(question)} from={before.name} to={after.name} />
      <TimelineTable host={host} />
    </>
  );
}

interface DifferenceProps {
  readonly answer: VersionsAnswer;
  readonly from: string;
  readonly to: string;
}

function Difference({ answer, from, to }: DifferenceProps): VNode {
  const { digest, changed } = answer;
  const host = currentHost.value;
  return (
    <div class="difference">
      <h2>
        {from} → {to}
      </h2>
      <p class="quoted">{digest.sentence}</p>
      {host === null ? null : (
        <p class="dim">
          Of the calls that {hostTitle(host.name)} and its guests make, and of the contentions that it leaves possible;
          the host “none” shows the module alone.
        </p>
      )}
      <Changes changes={digest.changes} />
      {digest.outcomes.length === 0 ? null : (
        <section aria-labelledby="other-outcome">
          <h3 id="other-outcome">With another outcome</h3>
          <ul class="effects">
            {digest.outcomes.map(({ text, change }) => (
              <li key={text + change}>
                {text}: {change.replace("->", "→")}
              </li>
            ))}
          </ul>
        </section>
      )}
      {digest.minor.length === 0 ? null : (
        <details>
          <summary>
            {digest.minor.length === 1 ? "One fact" : `${digest.minor.length} facts`} from which no contention follows:
            releases, statuses, PAMT entries
          </summary>
          <Changes changes={digest.minor} />
        </details>
      )}
      {digest.behaviour.length === 0 ? null : (
        <section aria-labelledby="behaviour">
          <h3 id="behaviour">Behaviour</h3>
          {digest.behaviour.map((change) => (
            <div key={change.name + change.what}>
              <p>
                <b>{change.what}</b>
                {change.resources.length === 0 ? "" : ` (${change.resources.join(", ")})`}
              </p>
              <ul class="tight">
                {(
                  [
                    [compared.value, change.before],
                    [currentModule.value, change.after],
                  ] as const
                ).map(([{ name, catalog }, side]) => (
                  <li key={name}>
                    {name}: {side === null ? "not there" : side.text}{" "}
                    {side === null ? null : <LinkedPlace url={sourceUrl(catalog.module, side.site)} site={side.site} />}
                  </li>
                ))}
                {goesOtherwise(change).map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            </div>
          ))}
        </section>
      )}
      {digest.constants.length === 0 ? null : (
        <section aria-labelledby="constants">
          <h3 id="constants">Constants</h3>
          <ul class="tight">
            {digest.constants.map((text) => (
              <li key={text}>{text.replace("->", "→")}</li>
            ))}
          </ul>
        </section>
      )}
      <Folded title={`Row by row: ${changed.length} lock rows differ`}>
        {() => (
          <Table
            caption="Lock rows that differ"
            columns={CHANGE_COLUMNS}
            rows={changed}
            file={`changed-${from}-${to}`}
            empty="No row differs."
          />
        )}
      </Folded>
    </div>
  );
}

const CHANGE_COLUMNS: readonly Column<RowChange>[] = [
  { head: "Call", text: (c) => c.leaf, show: (c) => <LeafLink name={c.leaf} variant={c.variant} /> },
  { head: "Lock", text: (c) => `${c.resource}${c.role === null ? "" : ` ${c.role}`}` },
  {
    head: "Change",
    text: (c) => (c.before === null ? "added" : c.after === null ? "removed" : "changed"),
    show: (c) => (
      <span class="change">{c.before === null ? "+ added" : c.after === null ? "− removed" : "Δ changed"}</span>
    ),
  },
  { head: "Before", text: (c) => rowWords(c.before, c), show: (c) => <RowShown row={c.before} of={c} /> },
  { head: "After", text: (c) => rowWords(c.after, c), show: (c) => <RowShown row={c.after} of={c} /> },
  {
    head: "Source",
    text: (c) => (c.after ?? c.before)?.evidence.map(placeText).join(" ") ?? "",
    show: (c) => {
      // A row that is gone stands in the source of the version before.
      const { catalog } = c.after === null ? compared.value : currentModule.value;
      const site = (c.after ?? c.before)?.evidence[0];
      if (site === undefined) return <span class="dim">–</span>;
      return <LinkedPlace url={sourceUrl(catalog.module, site)} site={site} />;
    },
  },
];

function rowWords(row: RowChange["before"], { leaf, resource }: RowChange): string {
  if (row === null) return "–";
  const words = conditionWords(leaf, { resource, ...row });
  const when = words === null ? "" : `, ${words}`;
  return `${row.mode} ${row.lock}, ${row.times}×, until ${row.release ?? "–"}${when}`;
}

function RowShown({ row, of }: { readonly row: RowChange["before"]; readonly of: RowChange }): VNode {
  if (row === null) return <span class="dim">–</span>;
  return (
    <>
      <Mode mode={row.mode} /> {row.lock}
      <div class="dim">
        {row.times === "1" ? "" : `${row.times}, `}until {row.release ?? "–"}
        {row.when === null ? null : (
          <When words={conditionWords(of.leaf, { resource: of.resource, ...row })} source={row.when} />
        )}
      </div>
    </>
  );
}

/** How many contentions came and went; null where that cannot be worked out. */
function countsOf(question: DiffQuestion): { readonly appeared: number; readonly gone: number } | null {
  try {
    const { appeared, disappeared } = known(question);
    return { appeared, gone: disappeared };
  } catch {
    return null;
  }
}

/**
 * Are all answers here? Asks for one at a time, so that no other question waits long, and draws when the last one has come: each
 * drawing lays the whole table out.
 */
function useAnswers(questions: readonly DiffQuestion[], host: string | null): boolean {
  const [, drawAgain] = useState({});
  const areHere = areKnown(questions);
  useEffect(() => {
    if (areHere) return;
    let isLeft = false;
    const askAll = async (): Promise<void> => {
      for (const question of questions) {
        await ask([question]);
        if (isLeft) return;
      }
      drawAgain({});
    };
    void askAll();
    return () => {
      isLeft = true;
    };
  }, [host]);
  return areHere;
}

interface CountedProps {
  readonly versions: readonly string[];
  readonly host: string | null;
}

/** Contentions that came and went from each version to the next. */
function ContentionRow({ versions, host }: CountedProps): VNode {
  const questions = versions.slice(1).map((after, i): DiffQuestion => {
    return { kind: "diff", before: versions[i] ?? "", after, host, leaf: null };
  });
  const areHere = useAnswers(questions, host);
  return (
    <tr class="contentions">
      <th scope="row">contentions appeared / gone</th>
      {versions.map((name, i) => {
        const question = questions[i - 1];
        if (question === undefined) return <td key={name} />;
        if (!areHere) return <td key={name}>…</td>;
        const counts = countsOf(question);
        if (counts === null) return <td key={name}>?</td>;
        return (
          <td key={name}>
            {counts.appeared + counts.gone === 0 ? (
              "0"
            ) : (
              <a href={linkTo("versions", { module: name, compare: question.before })}>
                +{counts.appeared} −{counts.gone}
              </a>
            )}
          </td>
        );
      })}
    </tr>
  );
}

function TimelineTable({ host }: { readonly host: string | null }): VNode {
  const lines = known({ kind: "timelines" });
  const versions = lines[0]?.moments.map(({ version }) => version) ?? [];
  const all = param("all") === "1";
  const shown = all ? lines : lines.filter(({ changes }) => changes);
  return (
    <section class="table-block" aria-label="Every call through all versions">
      <div class="table-head">
        <h3>
          Every call through all versions <span class="count">{shown.length}</span>
        </h3>
        <label class="check">
          <input
            type="checkbox"
            checked={all}
            onChange={(event) => setParams({ all: event.currentTarget.checked ? "1" : "" }, true)}
          />{" "}
          also calls that never change
        </label>
        <Saves
          name="Every call through all versions"
          csv={() => saveText("timelines.csv", "text/csv", csvText(timelineRows(versions, shown)))}
          svg={() => saveText("timelines.svg", "image/svg+xml", timelinePicture(versions, shown))}
        />
      </div>
      <p class="legend">
        ● in the first version · as in the version before Δ locks or states changed + added − removed. A sign opens that
        step.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable from the keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Timelines">
        <table class="timeline" aria-label="Every call through all versions">
          <thead>
            <tr>
              <th scope="col">Call</th>
              {versions.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <ContentionRow versions={versions} host={host} />
            {shown.map((line) => (
              <TimelineRow key={line.leaf} line={line} />
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

const TimelineRow = memo(function TimelineRow({ line }: { readonly line: Timeline }): VNode {
  return (
    <tr>
      <th scope="row">
        <LeafLink name={line.leaf} />
      </th>
      {line.moments.map(({ version, state, rows }, i) => {
        const before = line.moments[i - 1]?.version;
        const label = `${line.leaf} in ${version}: ${WORDS[state]}, ${rows} locks`;
        const opens = before !== undefined && /added|removed|changed/.test(state);
        return (
          <td key={version} class={state} title={label}>
            {opens ? (
              <a href={linkTo("versions", { module: version, compare: before, leaf: line.leaf })} aria-label={label}>
                {SIGNS[state]}
              </a>
            ) : (
              SIGNS[state]
            )}
          </td>
        );
      })}
    </tr>
  );
});
