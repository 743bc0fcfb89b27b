/** Possible contentions as SARIF 2.1.0, which code-scanning systems read: rule, place, message, related places. */
import type { ContendDocument, ContendPair } from "../analysis/index.ts";
import type { Acquisition, Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import { conclusionRows } from "./conclusion.ts";
import { conditionWords, lockNameOf, resourceNoun } from "./glossary.ts";
import { shortStatus } from "./status.ts";
import { hostTitle } from "./words.ts";

const SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json";

const LEVELS: Readonly<Record<string, "error" | "warning" | "note">> = {
  "vm-dead": "error",
  leak: "error",
  error: "warning",
  warning: "warning",
};

/**
 * One result per possible pair and resource: where the one takes the lock, and, as related places, where the other does and the paths of
 * the host by which they meet. Level by the worst outcome under the host; without a host, a note.
 */
export function sarifOf(doc: ContendDocument, catalog: Catalog, host: HostProfile | null): object {
  const possible = doc.pairs.filter((pair) => pair.possible);
  const resources = [...new Set(possible.map(({ resource }) => resource))];
  return {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "seamlock",
            rules: resources.map((resource) => ({
              id: ruleOf(resource),
              shortDescription: { text: `Two calls can contend on ${resourceNoun(resource)}` },
            })),
          },
        },
        originalUriBaseIds: originOf(catalog),
        results: possible.map((pair) => resultOf(pair, doc, catalog, host)),
      },
    ],
  };
}

const ruleOf = (resource: string): string => `contention/${lockNameOf(resource) ?? resource}`;

/** Where relative paths start: the public tree that the catalog was made of, where there is one. */
function originOf({ module }: Catalog): object {
  const { repository, revision } = module;
  if (repository === null || revision === null)
    return { MODULE: { description: { text: "the module's source tree" } } };
  return { MODULE: { uri: `https://github.com/${repository}/blob/${revision}/` } };
}

function resultOf(pair: ContendPair, doc: ContendDocument, catalog: Catalog, host: HostProfile | null): object {
  const paths = pair.paths.filter((path) => path.possible);
  // Of this pair alone: a row of the report tells several pairs at once, on the paths of any of them.
  const met = host === null ? [] : conclusionRows([pair], host, catalog);
  const under = doc.host === null ? "" : ` under ${hostTitle(doc.host.name)}`;
  const by = met.map(({ left, right }) => `${left.label} x ${right.label}`).join("; ");
  const [a, b] = [rowOf(catalog, pair, "a"), rowOf(catalog, pair, "b")];
  const status = pair.statusA === null ? "BUSY" : shortStatus(catalog, pair.statusA);
  const words = [conditionOf(pair.a, a), conditionOf(pair.b, b)].filter((text) => text !== "").join("; ");
  const text =
    `${pair.a}() (${pair.modeA}) can contend with ${pair.b}() (${pair.modeB}) on ${resourceNoun(pair.resource)}${under}: ${status}.` +
    `${words === "" ? "" : ` ${words}.`}${by === "" ? "" : ` Paths: ${by}.`}`;
  return {
    ruleId: ruleOf(pair.resource),
    level: LEVELS[paths[0]?.severity ?? "none"] ?? "note",
    message: { text },
    locations: placesOf(a, pair.a),
    relatedLocations: placesOf(b, pair.b),
    partialFingerprints: {
      "pair/v1": [
        pair.resource,
        pair.a,
        pair.variantA ?? "",
        pair.b,
        pair.variantB ?? "",
        pair.roleA ?? "",
        pair.roleB ?? "",
        // Of two rows of one call that name pages in one role, the conditions differ.
        pair.whenA ?? "",
        pair.whenB ?? "",
      ].join("|"),
    },
  };
}

function conditionOf(call: string, row: Acquisition | null): string {
  const words = row === null ? null : conditionWords(call, row);
  return words === null ? "" : `${call}() takes it ${words}`;
}

/** The row of one end of a pair. */
function rowOf(catalog: Catalog, pair: ContendPair, end: "a" | "b"): Acquisition | null {
  const [name, variant, resource, role, mode, when] =
    end === "a"
      ? [pair.a, pair.variantA, pair.resourceA, pair.roleA, pair.modeA, pair.whenA]
      : [pair.b, pair.variantB, pair.resourceB, pair.roleB, pair.modeB, pair.whenB];
  const leaf = catalog.leaves.find((one) => one.name === name && one.variant === variant);
  return (
    leaf?.acquisitions.find(
      (row) => row.resource === resource && row.role === role && row.mode === mode && row.when === when,
    ) ?? null
  );
}

/** The leaf's own line; nothing where the catalog has none. */
function placesOf(row: Acquisition | null, call: string): object[] {
  const [site] = row?.evidence ?? [];
  if (site === undefined) return [];
  return [
    {
      message: { text: `${call}() takes it here` },
      physicalLocation: {
        artifactLocation: { uri: site.file, uriBaseId: "MODULE" },
        ...(site.line > 0 ? { region: { startLine: site.line } } : {}),
      },
    },
  ];
}
