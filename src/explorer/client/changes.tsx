/** Changed facts, each once, with the contentions that follow from it beneath. */
import type { VNode } from "preact";
import type { Effect, FactChange } from "../../report/index.ts";
import { LeafLink, ResourceLink } from "./parts.tsx";

/** A line a fact. */
export function Changes({ changes }: { readonly changes: readonly FactChange[] }): VNode {
  if (changes.length === 0) return <p class="empty">No fact from which a contention follows.</p>;
  return (
    <ul class="causes">
      {changes.map((change, i) => (
        <li key={i}>
          <p class="fact">
            <b>{change.fact.replaceAll(" -> ", " → ")}</b> <Calls names={change.calls} />
          </p>
          {change.effects.length === 0 ? null : (
            <ul class="effects">
              {change.effects.map((effect) => (
                <li key={effect.sign + effect.resource + effect.change}>
                  <EffectLine effect={effect} />
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  );
}

const FEW = 4;

/** Few calls by name, many by their number. */
function Calls({ names }: { readonly names: readonly string[] }): VNode {
  const links = names.map((name) => (
    <span key={name}>
      <LeafLink name={name} />{" "}
    </span>
  ));
  if (names.length <= FEW) return <>{links}</>;
  return (
    <details class="inline">
      <summary>×{names.length} calls</summary>
      {links}
    </details>
  );
}

const PAIRS = 8;

function EffectLine({ effect }: { readonly effect: Effect }): VNode {
  const { sign, resource, text, change, pairs } = effect;
  return (
    <>
      <b>{sign === "+" ? "+" : "−"}</b> {text}
      {change === null ? "" : ` (${change.replace("->", "→")})`}
      {pairs.length > PAIRS ? (
        <>
          {" "}
          <ResourceLink name={resource} />
        </>
      ) : (
        <>
          {" "}
          <details class="inline">
            <summary>
              {pairs.length} {pairs.length === 1 ? "pair" : "pairs"}
            </summary>
            <ul class="tight">
              {pairs.map(({ a, b }) => (
                <li key={`${a} ${b}`}>
                  <LeafLink name={a} /> × <LeafLink name={b} />
                </li>
              ))}
            </ul>
          </details>
        </>
      )}
    </>
  );
}
