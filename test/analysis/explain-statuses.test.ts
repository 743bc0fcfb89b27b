/** Every status of every leaf is explained, and nothing that is said of an error denies it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { explainLines, type StatusExplanation } from "../../src/analysis/index.ts";
import type { Catalog, StatusSource } from "../../src/catalog/index.ts";
import { renderExplainText } from "../../src/report/index.ts";
import { host, moduleNamed } from "../host/profile.ts";
import { randomOf } from "./explain-relatives.ts";

const DENIALS = /succeeded|not an error|not a lock problem/i;
const VERSIONS = ["1.0.03", "1.5.05", "1.5.25"];

interface Advice {
  readonly statuses: readonly {
    readonly name: string;
    readonly kind: string;
    readonly meaning: string;
    readonly source: string;
  }[];
}
const advice = JSON.parse(readFileSync("data/advice.json", "utf8")) as Advice;

/** A number that a leaf ends with as `source` says. */
function numberOf(catalog: Catalog, { status, fatal, parts }: StatusSource): bigint {
  const base = BigInt(catalog.statusCodes[status] ?? "0") | (fatal ? 1n << 61n : 0n);
  return parts.reduce((sum, part) => sum | (BigInt(part.value ?? 1) << BigInt(part.low)), base);
}

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, "0")}`;

describe.each(VERSIONS)("module %s", (version) => {
  const catalog = moduleNamed(version);
  const sources = catalog.statuses ?? [];

  test("every status has facts, and they are of the same sort as its flags", () => {
    const known = new Map(advice.statuses.map((s) => [s.name, s.kind]));
    for (const [name, value] of Object.entries(catalog.statusCodes)) {
      if (name === "UNINITIALIZE_ERROR") continue;
      expect([name, known.get(name)]).toEqual([name, expect.any(String)]);
      if (name === "TDX_SUCCESS") expect(known.get(name)).toBe("success");
      else expect(known.get(name)).not.toBe("success");
      if (((BigInt(value) >> 61n) & 3n) === 3n) expect([name, known.get(name)]).toEqual([name, "fatal"]);
    }
  });

  test("every status of every leaf is named with its detail, and nothing denies an error", () => {
    const seen: StatusExplanation[] = [];
    for (const leaf of new Set(catalog.leaves.map((l) => l.name))) {
      const entry = catalog.leaves.find((l) => l.name === leaf);
      const own = (entry?.statuses ?? []).map((id) => sources[id] as StatusSource);
      const errors = own.filter((s) => numberOf(catalog, s) >> 32n !== 0n);
      if (errors.length === 0) continue;
      const lines = errors.map((s) => `SEAMCALL ${leaf.toUpperCase()} failed: ${hex(numberOf(catalog, s))}`);
      const doc = explainLines(catalog, lines);
      expect(renderExplainText(doc)).not.toMatch(DENIALS);
      const all = [doc, ...doc.others];
      for (const source of errors) {
        const found = all.find((e) => e.status !== null && BigInt(e.status) === numberOf(catalog, source));
        expect([leaf, source.status, found?.name, found?.leaf, found?.returned]).toEqual([
          leaf,
          source.status,
          source.status,
          leaf,
          true,
        ]);
        const [part] = source.parts;
        // A number that several constructors of the leaf can make says what one of them says.
        const alike = own.filter(
          (s) => s.status === source.status && s.parts.every((p) => p.value === null || p.is !== part?.is),
        );
        if (alike.length === 0 && source.parts.length === 1 && part?.is === "operand" && part.value !== null)
          expect([leaf, found?.operand?.number]).toEqual([leaf, part.value]);
        if (part !== undefined && found?.details.length === 0)
          expect(numberOf(catalog, source) & 0xffff_ffffn).toBe(0n);
        if (source.parts.length === 0 && own.filter((s) => s.status === source.status).length === 1)
          expect(found?.operand ?? null).toBeNull();
        expect([leaf, source.status, found?.advice.length]).not.toEqual([leaf, source.status, 0]);
      }
      seen.push(...all);
    }
    expect(seen.length).toBeGreaterThan(500);
  });

  test("every BUSY of a lock's row is among the statuses of its leaf", () => {
    for (const leaf of catalog.leaves) {
      const own = (leaf.statuses ?? []).map((id) => sources[id] as StatusSource);
      for (const row of leaf.acquisitions) {
        if (row.busyStatus === null) continue;
        const value = BigInt(row.busyStatus);
        const fits = own.some((s) => {
          const open = s.parts.some((p) => p.value === null || p.indexed === true);
          const base = numberOf(catalog, s);
          return open ? base >> 32n === value >> 32n : base === value;
        });
        expect([leaf.name, row.busyStatus, fits]).toEqual([leaf.name, row.busyStatus, true]);
      }
    }
  }, 20_000);
});

test("no text with an error status makes it say that nothing is wrong", () => {
  const catalog = moduleNamed("1.5.25");
  const profile = host("linux-6.19");
  const random = randomOf(7);
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  const codes = Object.values(catalog.statusCodes).filter(
    (code) => BigInt(code) >> 63n === 1n && !/^0xF{16}$/.test(code),
  );
  const leaves = catalog.leaves.map((leaf) => leaf.name);
  const words = [
    "ok",
    "0x0",
    "returned 0x0",
    "TDX_SUCCESS",
    "SEAMCALL TDH_MEM_TRACK returned 0x0",
    "done",
    "rax 0x0",
    "failed: 0x0",
    "->",
    "|",
    "no lock",
    "\n",
    "\n> ",
  ];
  for (let i = 0; i < 400; i++) {
    const status = hex(BigInt(pick(codes)) | BigInt(pick([0, 1, 2, 8, 128, 146, 169, random(2 ** 31)])));
    const parts = Array.from({ length: 1 + random(6) }, () => pick(random(3) === 0 ? leaves : words));
    parts.splice(
      random(parts.length + 1),
      0,
      pick([status, `${pick(leaves).toUpperCase()} failed: ${status}`, `err ${BigInt(status)}`]),
    );
    const text = parts.join(" ");
    const doc = explainLines(catalog, [text], i % 40 === 0 ? { host: profile } : { leaf: "tdh_sys_info" });
    const [first, ...others] = [doc, ...doc.others].map((e) => e.name);
    expect([text, first, ...others]).not.toContain("TDX_SUCCESS");
    expect(
      renderExplainText({ ...doc, line: null, others: doc.others.map((o) => ({ ...o, line: null })), unread: [] }),
    ).not.toMatch(DENIALS);
  }
}, 60_000);

const TREES = process.env["SEAMLOCK_TREES"];

describe.skipIf(TREES === undefined)("the sources", () => {
  const trees = TREES ?? "";
  const line = (version: string, file: string, number: number): string =>
    readFileSync(join(trees, version, file), "utf8").split("\n")[number - 1] ?? "";

  test.each(["1.5.05", "1.5.25"])("of %s have at each place the constructor that the catalog says", (version) => {
    const catalog = moduleNamed(version);
    const names = new Map(Object.entries(catalog.operandIds).map(([id, number]) => [number, `OPERAND_ID_${id}`]));
    let checked = 0;
    for (const { status, parts, at } of catalog.statuses ?? []) {
      for (const { file, line: number } of at) {
        const text = readFileSync(join(trees, version, file), "utf8")
          .split("\n")
          .slice(number - 1, number + 2)
          .join(" ");
        const makes = /api_error_(?:with_\w+|fatal)\s*\(/.test(text);
        expect([file, number, makes || new RegExp(`\\b${status}\\b`).test(text) || /=/.test(text)]).toEqual([
          file,
          number,
          true,
        ]);
        if (parts.length > 0 && parts[0]?.is !== "exit-reason" && !/\|=/.test(text) && /return|=/.test(text)) checked++;
        // Where an operand is written out, it is that one.
        const [part] = parts;
        const written = new RegExp(`${status}\\s*,\\s*(OPERAND_ID_\\w+)\\s*\\)`).exec(text)?.[1];
        if (written !== undefined && part?.is === "operand" && at.length === 1)
          expect([file, number, names.get(part.value ?? -1)]).toEqual([file, number, written]);
      }
    }
    expect(checked).toBeGreaterThan(100);
  });

  test.each(["1.5.05", "1.5.25"])(
    "of %s: each constructor that is written out in a leaf's own file is in the catalog",
    (version) => {
      const catalog = moduleNamed(version);
      const missing: string[] = [];
      for (const leaf of catalog.leaves) {
        const file = join(trees, version, leaf.handler.file);
        if (!existsSync(file) || /dispatcher\.c$/.test(file)) continue;
        const own = new Set(
          (leaf.statuses ?? []).flatMap((id) => {
            const source = catalog.statuses?.[id];
            return source?.parts.length === 1 && source.parts[0]?.value != null
              ? [`${source.status} ${source.parts[0].value}`]
              : [];
          }),
        );
        const text = readFileSync(file, "utf8").replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, "");
        for (const [whole, , status = "", operand = ""] of text.matchAll(
          /((?:return|=)\s*)api_error_with_operand_id\(\s*(TDX_\w+)\s*,\s*OPERAND_ID_(\w+)\s*\)\s*;/g,
        )) {
          const number = catalog.operandIds[operand];
          if (!own.has(`${status} ${number}`)) missing.push(`${leaf.name}: ${whole}`);
        }
      }
      // What no run of a leaf comes to in its file: helpers of another leaf in the same file.
      expect(missing).toEqual([]);
    },
  );

  test.each(["1.5.01", "1.5.05", "1.5.20", "1.5.25"])(
    "of %s: a state of the module that a leaf sets and takes back is told as one that may pass",
    (version) => {
      const calls = join(trees, version, "src/vmm_dispatcher/api_calls");
      const changing = readdirSync(calls).filter((file) => {
        const set = readFileSync(join(calls, file), "utf8").matchAll(/sys_state = (\w+);/g);
        return new Set([...set].map(([, state]) => state)).size > 1;
      });
      expect(changing).toEqual(["tdh_sys_shutdown.c"]);
      const said = advice.statuses.find(({ name }) => name === "TDX_SYS_SHUTDOWN")?.meaning;
      expect(said).toContain("takes the shutdown back");
    },
  );

  test("of advice name the status where they say", () => {
    for (const { name, source } of advice.statuses) {
      // Of releases that were read by hand no tree is at hand, and no line known.
      if (/^2\./.test(source)) continue;
      const [, version = "", file = "", number = ""] = /^(\S+) (\S+):(\d+)$/.exec(source) ?? [];
      expect([name, line(version, file, Number(number))]).toEqual([
        name,
        expect.stringMatching(new RegExp(`\\b${name}\\b`)),
      ]);
    }
  });
});
