/** A status or a pasted log line, explained. */
import type { VNode } from "preact";
import { type ExplainDocument, HOLDER_ORDER, type PairVerdict, type StatusExplanation } from "../../analysis/index.ts";
import type { ReleasePlace } from "../../catalog/index.ts";
import { conditionWords, explanationWords, heldWords, hostTitle } from "../../report/index.ts";
import { bothNames } from "../logic/lock-names.ts";
import { VERDICT_WORDS } from "../logic/pair-rows.ts";
import { known } from "./analyst.ts";
import { Folded, LeafLink, Mode, ResourceLink, Table, Verdict, When } from "./parts.tsx";
import { currentHost, currentModule, param, setParams } from "./store.ts";

/** The view. */
export function ExplainView(): VNode {
  const line = param("line");
  const explained = line === "" ? null : explanation(line);
  return (
    <>
      <form
        class="filters"
        aria-label="Explain a status or log lines"
        onSubmit={(event) => {
          event.preventDefault();
          const text = new FormData(event.currentTarget).get("line");
          setParams({ line: typeof text === "string" ? text : "" });
        }}
      >
        <label class="field wide">
          <span>Status or log lines</span>
          <textarea name="line" rows={3} value={line} placeholder="SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9" />
        </label>
        <button type="submit" class="primary">
          Explain
        </button>
      </form>
      {explained === null ? (
        <p class="empty">Paste what the kernel printed; the status in it is taken apart.</p>
      ) : typeof explained === "string" ? (
        <p class="notice" role="alert">
          {explained}
        </p>
      ) : (
        <Answer document={explained} />
      )}
    </>
  );
}

function explanation(line: string): ExplainDocument | string {
  return known({ kind: "explain", module: currentModule.value.name, host: currentHost.value?.name ?? null, line });
}

/** Every status of the lines, then what their order tells, and the lines without one. */
function Answer({ document }: { readonly document: ExplainDocument }): VNode {
  const all = [document, ...document.others];
  return (
    <>
      {document.assumptions.map((text) => (
        <p key={text} class="notice">
          {text}
        </p>
      ))}
      {document.sequences.length === 0 ? null : (
        <>
          <h3>What their order tells</h3>
          <List items={document.sequences} />
        </>
      )}
      {all.map((one, i) => (
        <Explained key={i} one={one} isOfMany={all.length > 1} />
      ))}
      {document.unread.length === 0 ? null : (
        <Folded title={`Lines without a status: ${document.unread.length}`}>
          {() => <List items={document.unread} />}
        </Folded>
      )}
    </>
  );
}

function List({ items }: { readonly items: readonly string[] }): VNode {
  return (
    <ul class="tight">
      {items.map((item) => (
        <li key={item}>{item}</li>
      ))}
    </ul>
  );
}

type Holder = StatusExplanation["holders"][number];

const verdictOfHolder = ({ possible, judged }: Holder): PairVerdict =>
  possible ? "possible" : judged ? "excluded" : "not-judged";

/** Who can hold it, then vCPUs that were kept out by then, then who is excluded; within each as the analysis orders them. */
function likeliestFirst(holders: readonly Holder[]): readonly Holder[] {
  const can = holders.filter(({ possible, barred }) => possible && !barred);
  const kept = holders.filter(({ barred }) => barred);
  return [...can, ...kept, ...holders.filter((one) => !can.includes(one) && !kept.includes(one))];
}

/** Where a holder gives the lock back. */
function releaseOf({ leaf, variant, resource, mode, when }: Holder): ReleasePlace | null {
  const entry = currentModule.value.catalog.leaves.find((l) => l.name === leaf && l.variant === variant);
  const row = entry?.acquisitions.find((a) => a.resource === resource && a.mode === mode && a.when === when);
  return row?.release ?? null;
}

interface ExplainedProps {
  readonly one: StatusExplanation;
  /** Do the lines have further statuses? Then each says which line it is of. */
  readonly isOfMany: boolean;
}

function Explained({ one, isOfMany }: ExplainedProps): VNode {
  const { seen, facts, holders, changed } = explanationWords(one);
  const callers = [...(one.leaf === null ? [] : [one.leaf]), ...one.leaves];
  return (
    <section class="explained" aria-label={one.status ?? "a status that was not printed"}>
      <h2>
        {one.name ?? "Unknown status"}
        {one.operand === null ? "" : ` | ${one.operand.id}`} <code class="dim">{one.status}</code>
      </h2>
      {isOfMany && one.line !== null ? (
        <p>
          <code class="dim">{one.line.trim()}</code>
        </p>
      ) : null}
      {seen === null ? null : <p>{seen}</p>}
      <p>{one.meaning}</p>
      <List items={facts} />
      <Callers names={callers} />
      {changed === null ? null : <p>{changed}</p>}
      <Reactions one={one} />
      {one.holders.length === 0 ? null : (
        <Table
          caption={holders}
          columns={[
            { head: "Call", text: (h) => h.leaf, show: (h) => <LeafLink name={h.leaf} variant={h.variant} /> },
            { head: "Lock", text: (h) => bothNames(h.resource), show: (h) => <ResourceLink name={h.resource} /> },
            { head: "Mode", text: (h) => h.mode, show: (h) => <Mode mode={h.mode} /> },
            {
              head: "When",
              text: (h) => conditionWords(h.leaf, h) ?? "always",
              show: (h) => <When words={conditionWords(h.leaf, h)} source={h.when} />,
            },
            { head: "Held", text: (h) => heldWords(releaseOf(h), currentModule.value.catalog) ?? "–" },
            {
              head: "Verdict",
              text: (h) => (h.barred ? "kept out of the guest by then" : VERDICT_WORDS[verdictOfHolder(h)]),
              show: (h) => (h.barred ? "kept out of the guest by then" : <Verdict of={verdictOfHolder(h)} />),
            },
            { head: "Host paths", text: (h) => h.paths.join("; ") || "–" },
          ]}
          rows={likeliestFirst(one.holders)}
          file="holders"
          empty=""
        />
      )}
      {one.holders.length === 0 ? null : <p class="dim">{HOLDER_ORDER}</p>}
      <Advice one={one} />
    </section>
  );
}

const FEW = 8;

/** The pages of the calls that returned it, or can; many are folded away. */
function Callers({ names }: { readonly names: readonly string[] }): VNode | null {
  if (names.length === 0) return null;
  const links = (): VNode[] =>
    names.map((name) => (
      <span key={name}>
        <LeafLink name={name} />{" "}
      </span>
    ));
  const title = names.length === 1 ? "See" : `The ${names.length} calls`;
  if (names.length > FEW) return <Folded title={title}>{() => <p>{links()}</p>}</Folded>;
  return (
    <p>
      {title}: {links()}
    </p>
  );
}

/** What the host of the bar does when this call is busy: the first question after what it is. */
function Reactions({ one }: { readonly one: StatusExplanation }): VNode | null {
  const host = currentHost.value;
  if (one.kind !== "busy" && one.kind !== "tracking") return null;
  if (host === null) return <p class="dim">What a host does about it shows when one is chosen above.</p>;
  if (one.leaf === null)
    return <p class="dim">The line names no call: what {hostTitle(host.name)} does is not told.</p>;
  if (one.reactions.length === 0) {
    return (
      <p>
        {hostTitle(host.name)}: its profile does not say what it does when {one.leaf} is busy, or it never makes the
        call.
      </p>
    );
  }
  return (
    <>
      <h3>
        What {hostTitle(host.name)} does when {one.leaf} is busy
      </h3>
      <ul class="tight">
        {one.reactions.map(({ paths, before, after, silent }) => (
          <li key={paths.join()}>
            {before.length === 0 ? "" : `First it ${before.join(", then ")}. `}
            {silent ? `It ${after.join(", then ")}, and prints nothing` : `With the line it ${after.join(", then ")}`}{" "}
            <span class="dim">({paths.join("; ")})</span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What to do, for each who can do something. */
function Advice({ one }: { readonly one: StatusExplanation }): VNode {
  const parts = [
    ["For who writes the kernel or hypervisor", one.adviceFor.developer],
    ["For who runs the machine", one.adviceFor.operator],
    ["For the guest", one.adviceFor.guest],
  ] as const;
  return (
    <>
      {parts.map(([who, items]) =>
        items.length === 0 ? null : (
          <div key={who}>
            <h3>{who}</h3>
            <List items={items} />
          </div>
        ),
      )}
    </>
  );
}
