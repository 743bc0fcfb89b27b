/** A status or a pasted log line, explained. */
import type { VNode } from "preact";
import type { ExplainDocument, StatusExplanation } from "../../analysis/index.ts";
import { conditionWords } from "../../report/index.ts";
import { known } from "./analyst.ts";
import { LeafLink, Mode, ResourceLink, Table, Verdict, When } from "./parts.tsx";
import { currentHost, currentModule, param, setParams } from "./store.ts";

/** The view. */
export function ExplainView(): VNode {
  const line = param("line");
  const explained = line === "" ? null : explanation(line);
  return (
    <>
      <form
        class="filters"
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
        <p class="notice">{explained}</p>
      ) : (
        [explained, ...explained.others].map((one, i) => <Explained key={i} one={one} />)
      )}
    </>
  );
}

function explanation(line: string): ExplainDocument | string {
  return known({ kind: "explain", module: currentModule.value.name, host: currentHost.value?.name ?? null, line });
}

function Explained({ one }: { readonly one: StatusExplanation }): VNode {
  return (
    <section class="explained" aria-label={one.status ?? "a status that was not printed"}>
      <h2>
        {one.name ?? "Unknown status"} <code class="dim">{one.status}</code>
      </h2>
      <p>{one.meaning}</p>
      <p>
        Kind: <b>{one.kind}</b>
        {one.operand === null ? "" : ` · operand ${one.operand.id} (${one.operand.number})`}
        {one.leaf === null ? null : (
          <>
            {" "}
            · returned by <LeafLink name={one.leaf} />
          </>
        )}
      </p>
      {one.leaves.length === 0 ? null : (
        <p>
          Can be returned by{" "}
          {one.leaves.map((name) => (
            <span key={name}>
              <LeafLink name={name} />{" "}
            </span>
          ))}
        </p>
      )}
      <ul>
        {one.advice.map((advice) => (
          <li key={advice}>{advice}</li>
        ))}
      </ul>
      {one.holders.length === 0 ? null : (
        <Table
          caption="Who can hold it, most likely first"
          columns={[
            { head: "Call", text: (h) => h.leaf, show: (h) => <LeafLink name={h.leaf} variant={h.variant} /> },
            { head: "Lock", text: (h) => h.resource, show: (h) => <ResourceLink name={h.resource} /> },
            { head: "Mode", text: (h) => h.mode, show: (h) => <Mode mode={h.mode} /> },
            {
              head: "When",
              text: (h) => conditionWords(h.leaf, h) ?? "always",
              show: (h) => <When words={conditionWords(h.leaf, h)} source={h.when} />,
            },
            { head: "Held until", text: (h) => h.held ?? "–" },
            {
              head: "Verdict",
              text: (h) => (h.possible ? "possible" : "excluded"),
              show: (h) => <Verdict possible={h.possible} />,
            },
            { head: "Host paths", text: (h) => h.paths.join("; ") || "–" },
          ]}
          rows={one.holders}
          file="holders"
          empty=""
        />
      )}
    </section>
  );
}
