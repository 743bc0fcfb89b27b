/** Changed facts, each once, with the contentions that follow from it beneath. */
import type { VNode } from "preact";
import type { Effect, FactChange } from "../../report/index.ts";
import { SIGNS } from "../logic/grid.ts";
import { OUTCOME_WORDS, OUTCOMES, type Outcome } from "../logic/map.ts";
import { effectKey } from "../logic/questions.ts";
import { LeafLink, ResourceLink } from "./parts.tsx";

interface ChangesProps {
  readonly changes: readonly FactChange[];
  /** By {@link effectKey}: what a contention costs under the host; empty without one. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/** A line a fact. */
export function Changes({ changes, outcomes }: ChangesProps): VNode {
  if (changes.length === 0) return <p class="empty">No fact from which a contention follows.</p>;
  return (
    <ul class="causes">
      {changes.map((change, i) => (
        <li key={i}>
          <p class="fact">
            <b>{change.fact}</b> <Calls names={change.cause.calls} />
          </p>
          {change.effects.length === 0 ? null : (
            <ul class="effects">
              {change.effects.map((effect) => (
                <li key={effect.sign + effect.resource}>
                  <EffectLine effect={effect} outcomes={outcomes} />
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

function EffectLine({
  effect,
  outcomes,
}: {
  readonly effect: Effect;
  readonly outcomes: ChangesProps["outcomes"];
}): VNode {
  const { sign, resource, text, pairs } = effect;
  const worst = OUTCOMES.find((outcome) => pairs.some((pair) => outcomes[effectKey(pair)] === outcome)) ?? null;
  const words = worst === null ? null : `${SIGNS[worst]} ${OUTCOME_WORDS[worst]}`;
  return (
    <>
      <b>{sign === "+" ? "+" : "−"}</b> {text}
      {words === null ? "" : sign === "+" ? ` (before: never; now: ${words})` : ` (before: ${words}; now: never)`}
      {pairs.length > PAIRS ? (
        <>
          {" "}
          <ResourceLink name={resource} />
        </>
      ) : (
        <details class="inline">
          <summary>{pairs.length} pairs</summary>
          <ul class="tight">
            {pairs.map(({ a, b }) => (
              <li key={`${a} ${b}`}>
                <LeafLink name={a} /> × <LeafLink name={b} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
