/**
 * Makes data/modules/lkml-2024-09-13.json, the hand-made lock table of the mail of 2024-09-13 as a Catalog.
 *
 *   npx tsx scripts/make-published.ts FACTS MAIL CATALOG [OUT]
 *
 * FACTS is the machine-readable table, MAIL the archived mail (rows get its line numbers as evidence), CATALOG the
 * extracted catalog of the version that the mail read; from it come only the leaf numbers, which the mail leaves out.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import {
  type Acquisition,
  type Catalog,
  type Leaf,
  parseCatalog,
  resolveLeaf,
  type Site,
  serializeCatalog,
} from "../src/catalog/index.ts";

const VERSION = "lkml-2024-09-13";

interface Row {
  readonly resource: string;
  readonly role: string | null;
  readonly lock: Acquisition["lock"];
  readonly mode: Acquisition["mode"];
  readonly side: Acquisition["side"];
}

interface Facts {
  readonly source: string;
  readonly leaves: readonly { readonly name: string; readonly acquisitions: readonly Row[] }[];
  /** The mail's own list of contentions; the first of a pair takes the resource only under its condition. */
  readonly contentionSummary: readonly {
    readonly resource: string;
    readonly pair: readonly string[];
    readonly when?: string;
  }[];
}

function main(args: readonly string[]): void {
  const [factsFile, mailFile, catalogFile, out = `data/modules/${VERSION}.json`] = args;
  if (factsFile === undefined || mailFile === undefined || catalogFile === undefined) {
    throw new Error("usage: make-published.ts FACTS MAIL CATALOG [OUT]");
  }
  const text = readFileSync(factsFile, "utf8");
  const numbers = parseCatalog(readFileSync(catalogFile, "utf8"), catalogFile);
  const mail = new Mail(readFileSync(mailFile, "utf8"), basename(mailFile));
  const catalog = published(JSON.parse(text) as Facts, digest(text), mail, numbers);
  writeFileSync(out, serializeCatalog(catalog));
}

/** The mail's lines, to find the one that states a row. */
class Mail {
  private readonly lines: readonly string[];
  readonly file: string;

  constructor(text: string, file: string) {
    this.lines = text.split(/\r?\n/);
    this.file = file;
  }

  /** 1-based line of the leaf's first row in the table of calls: the name and a lock kind on one line. */
  leaf(name: string): number {
    const found = this.lines.findIndex(
      (l) => l.startsWith(name) && /^[(*)]*\s+\S.* (lock|sharex\w*)/.test(l.slice(name.length)),
    );
    const at = found >= 0 ? found : this.lines.findIndex((l) => l.startsWith(name) && /lock/.test(l));
    if (at < 0) throw new Error(`${this.file}: no row of ${name}`);
    return at + 1;
  }
}

function published(facts: Facts, sourceDigest: string, mail: Mail, numbers: Catalog): Catalog {
  const leaves = facts.leaves.map((entry): Leaf => {
    const line = mail.leaf(entry.name);
    const host = entry.acquisitions.every((row) => row.side === "host");
    return {
      name: entry.name,
      number: resolveLeaf(numbers, entry.name)[0]?.number ?? 0,
      side: host ? "host" : "guest",
      handler: { file: mail.file, line, function: entry.name },
      variant: null,
      opStates: null,
      septStates: null,
      acquisitions: entry.acquisitions.map((row, i) =>
        acquisition(row, condition(facts, entry.name, row), {
          file: mail.file,
          line: line + i,
          function: entry.name,
        }),
      ),
      otherBusy: [],
    };
  });
  return {
    schema: "seamlock/catalog@1",
    module: { version: VERSION, origin: "published", repository: null, revision: null, sourceDigest },
    leaves,
    locks: [],
    primitives: [],
    writers: [],
    behaviours: [],
    otherAtomics: [],
    septEntryBits: {},
    opStates: [],
    septStates: [],
    statusCodes: {},
    operandIds: {},
    constants: {},
    coverage: null,
    diagnostics: [],
  };
}

/** A condition that the mail's notes state for a row of its table. */
function condition(facts: Facts, leaf: string, row: Row): string | null {
  const stated = facts.contentionSummary.find((c) => c.resource === row.resource && c.pair[0] === leaf);
  return stated?.when ?? null;
}

/** What the mail does not say is null: operands, statuses, where a lock is released. */
function acquisition(row: Row, when: string | null, site: Site): Acquisition {
  return {
    ...row,
    object: "",
    when,
    condition: when === null ? null : { is: "stated", text: when },
    times: "1",
    operand: null,
    busyStatus: null,
    hostPriorityStatus: null,
    otherStatuses: [],
    promotion: null,
    release: null,
    evidence: [site],
  };
}

function digest(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

main(process.argv.slice(2));
