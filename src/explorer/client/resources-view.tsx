/** Who uses which lock, and how: the table of the lock status report. */
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { type ContendPair, type ResourceUsers, resourceFacts, resourceUsers, verdictOf } from "../../analysis/index.ts";
import { endId } from "../logic/entry-id.ts";
import { exclusionTexts } from "../logic/exclusions.ts";
import { bothNames } from "../logic/lock-names.ts";
import { VERDICT_WORDS } from "../logic/pair-rows.ts";
import { type Column, LeafLink, Mode, ResourceLink, Table, Verdict } from "./parts.tsx";
import { currentModule, linkTo, pairs, param } from "./store.ts";

/** The view. */
export function ResourcesView(): VNode {
  const { catalog } = currentModule.value;
  const users = useMemo(() => resourceUsers(catalog), [catalog]);
  const wanted = param("resource");
  return (
    <>
      {wanted === "" ? (
        <>
          <h2 class="unseen">The module's locks</h2>
          <p class="dim">A lock's name opens its users and the pairs that meet on it.</p>
        </>
      ) : (
        <>
          <h2>{bothNames(wanted)}</h2>
          <UsersOf users={users.find((u) => u.resource === wanted) ?? null} />
          <ResourcePairs key={wanted} resource={wanted} />
        </>
      )}
      <Table
        caption="Locks and their users"
        columns={COLUMNS}
        rows={users}
        file="resources"
        empty="This module takes no locks."
        current={(row) => row.resource === wanted}
      />
    </>
  );
}

const COLUMNS: readonly Column<ResourceUsers>[] = [
  {
    head: "Lock",
    text: (row) => row.resource,
    show: (row) => (
      <>
        <ResourceLink name={row.resource} />
        <div class="dim">{resourceFacts(row.resource).long}</div>
      </>
    ),
  },
  { head: "EXCLUSIVE ■", text: (row) => row.exclusive.join(" "), show: (row) => <Names names={row.exclusive} /> },
  { head: "SHARED ▨", text: (row) => row.shared.join(" "), show: (row) => <Names names={row.shared} /> },
  { head: "NO_LOCK ○", text: (row) => row.noLock.join(" "), show: (row) => <Names names={row.noLock} /> },
  {
    head: "Pairs possible",
    numeric: true,
    text: (row) => String(pairs.value.filter((p) => p.possible && p.resource === row.resource).length),
  },
];

function Names({ names }: { readonly names: readonly string[] }): VNode {
  if (names.length === 0) return <span class="dim">–</span>;
  return (
    <span class="names">
      {names.map((name) => (
        <span key={name}>
          <LeafLink name={name} />{" "}
        </span>
      ))}
    </span>
  );
}

/** The pairs that meet on a lock, possible ones first. */
function meeting(all: readonly ContendPair[], resource: string): readonly ContendPair[] {
  const met = all.filter((pair) => pair.resource === resource);
  return met.sort((x, y) => Number(y.possible) - Number(x.possible));
}

/** Who takes it, and how: the answer before the table of all locks. */
function UsersOf({ users }: { readonly users: ResourceUsers | null }): VNode | null {
  if (users === null) return null;
  const lines = [
    ["exclusive ■", users.exclusive],
    ["shared ▨", users.shared],
    ["without the lock ○", users.noLock],
  ] as const;
  return (
    <ul class="tight">
      {lines.map(([how, names]) =>
        names.length === 0 ? null : (
          <li key={how}>
            {how} by {names.length}: <Names names={names} />
          </li>
        ),
      )}
    </ul>
  );
}

function ResourcePairs({ resource }: { readonly resource: string }): VNode {
  const met = useMemo(() => meeting(pairs.value, resource), [pairs.value, resource]);
  return (
    <Table
      caption={`Pairs that meet on ${resource}`}
      columns={[
        { head: "Call", text: (p) => p.a, show: (p) => <LeafLink name={p.a} variant={p.variantA} /> },
        { head: "Mode", text: (p) => p.modeA, show: (p) => <Mode mode={p.modeA} /> },
        { head: "Other call", text: (p) => p.b, show: (p) => <LeafLink name={p.b} variant={p.variantB} /> },
        { head: "Its mode", text: (p) => p.modeB, show: (p) => <Mode mode={p.modeB} /> },
        {
          head: "Verdict",
          text: (p) => VERDICT_WORDS[verdictOf(p)],
          show: (p) => (
            <a href={linkTo("matrix", { scope: "all", a: endId(p, "a"), b: endId(p, "b") })}>
              <Verdict of={verdictOf(p)} />
            </a>
          ),
        },
        {
          head: "Why not",
          text: (p) => exclusionTexts(p.excludedBy).join("; "),
        },
      ]}
      rows={met}
      file={`pairs-${resource}`}
      empty="No two calls conflict on it."
    />
  );
}
