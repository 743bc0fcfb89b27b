import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Catalog,
  decodeStatus,
  parseCatalog,
  parseStatus,
  resolveLeaf,
  serializeCatalog,
  statusText,
} from "../../src/catalog/index.ts";
import { SeamlockError } from "../../src/errors.ts";
import { moduleNamed } from "../host/profile.ts";
import { anyCatalog } from "./arbitrary.ts";
import { leaf, row, smallCatalog } from "./fixture.ts";

function failure(action: () => unknown): SeamlockError {
  try {
    action();
  } catch (error) {
    if (error instanceof SeamlockError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const parseFailure = (text: string): SeamlockError => failure(() => parseCatalog(text, "m.json"));
const TEXT = serializeCatalog(smallCatalog());

describe("parseCatalog and serializeCatalog", () => {
  test("read back what was written, byte for byte", () => {
    expect(parseCatalog(TEXT, "m.json")).toEqual(smallCatalog());
    expect(serializeCatalog(parseCatalog(TEXT, "m.json"))).toBe(TEXT);
    expect(TEXT.endsWith("}\n")).toBe(true);
  });

  test("read back any catalog", () => {
    fc.assert(
      fc.property(anyCatalog, (catalog) => {
        const text = serializeCatalog(catalog);
        expect(parseCatalog(text, "m.json")).toEqual(catalog);
        expect(serializeCatalog(parseCatalog(text, "m.json"))).toBe(text);
        expect(
          Math.max(
            0,
            ...text
              .split("\n")
              .filter((l) => !l.includes('"message"'))
              .map((l) => l.length),
          ),
        ).toBeLessThan(900);
      }),
    );
  });

  test("refuse more leaves, or rows of a leaf, than any module could have", () => {
    const { leaves } = smallCatalog();
    const first = leaves[0] as (typeof leaves)[number];
    const many = Array.from({ length: 401 }, (_, i) => ({ ...first, name: `${first.name}_${i}`, number: i }));
    const crowded = { ...first, acquisitions: Array.from({ length: 201 }, () => first.acquisitions[0]) };
    const refusal = (value: unknown) => parseFailure(JSON.stringify({ ...smallCatalog(), leaves: value })).message;
    expect(refusal(many)).toMatch(/leaves\b.*400/);
    expect(refusal([crowded])).toMatch(/acquisitions\b.*200/);
  });

  test("field order of the value does not matter", () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([k, v]) => [k, reversed(v)]),
      );
    };
    const catalog = smallCatalog();
    const { statusCodes, operandIds, septEntryBits, constants } = catalog;
    const other = { ...(reversed(catalog) as Catalog), statusCodes, operandIds, septEntryBits, constants };
    expect(serializeCatalog(other)).toBe(TEXT);
  });

  test("a byte order mark is skipped", () => {
    expect(parseCatalog(`\uFEFF${TEXT}`, "m.json").leaves).toHaveLength(smallCatalog().leaves.length);
  });

  test.each([
    ["", "SL2001"],
    ["  \n", "SL2001"],
    ["hello", "SL2002"],
    ["[1,]", "SL2002"],
    ['{"schema": "\u0001"}', "SL2002"],
    ["{} {}", "SL2002"],
    ['{"schema": "seamlock/cat', "SL2003"],
    ["[1, 2", "SL2003"],
    ["{}", "SL2004"],
    ["null", "SL2004"],
    ['{"schema": "seamlock/report@1"}', "SL2004"],
    ['{"schema": "seamlock/catalog@2"}', "SL2005"],
    ['{"schema": "seamlock/catalog@1"}', "SL2006"],
  ])("%j fails with %s and a hint", (text, code) => {
    const error = parseFailure(text);
    expect(error.code).toBe(code);
    expect(error.place?.file).toBe("m.json");
    expect(error.hint).toBeTruthy();
  });

  test("a file cut anywhere is reported as cut, with the place", () => {
    for (const at of [1, 200, 1234, TEXT.length - 3]) {
      const error = parseFailure(TEXT.slice(0, at));
      expect(error.code).toBe("SL2003");
      expect(error.place?.line).toBe(TEXT.slice(0, at).split("\n").length);
    }
  });

  test("a syntax error has line and column", () => {
    expect(parseFailure('{\n  "schema": seamlock\n}').place).toEqual({ file: "m.json", line: 2, column: 13 });
  });

  test.each([
    [
      /"busyStatus": "0x/,
      '"busyStatus": "1x',
      /^leaves\[.*\.busyStatus: "1x.*" is no status: 0x and 16 upper-case hex digits/,
    ],
    [/"name": "tdh_/, '"name": "TDH_', /^leaves\[0\]\.name: "TDH_.*" is no leaf's name: /],
    [/"acquisitions": \[/, '"acquired": [', /^leaves\[0\]\.acquisitions: is missing/],
  ])("%s, changed to %s, is told in words of ours", (from, to, message) => {
    expect(TEXT).toMatch(from);
    expect(parseFailure(TEXT.replace(from, to)).message).toMatch(message);
  });

  test("a wrong field is named by its path and found at its line", () => {
    const bad = TEXT.replace('"mode": "EXCLUSIVE"', '"mode": "WRITE"');
    const error = parseFailure(bad);
    expect(error.code).toBe("SL2006");
    expect(error.message).toBe('leaves[0].acquisitions[4].mode: "WRITE" is none of SHARED, EXCLUSIVE, NO_LOCK');
    const line = bad.split("\n").findIndex((l) => l.includes('"WRITE"'));
    expect(error.place?.line).toBe(line + 1);
    expect(bad.split("\n")[line]?.slice((error.place?.column ?? 0) - 1)).toMatch(/^"WRITE"/);
  });

  test("an unknown field is refused", () => {
    expect(parseFailure(TEXT.replace('"septEntryBits"', '"more": 1, "septEntryBits"')).message).toMatch(/more/);
  });

  test.each<[fault: string, order: object, message: string]>([
    ["names no row", { end: "other", locks: [0, 7] }, "leaves[0].releaseOrders[0].locks[1]: no row has the order 7"],
    ["names a row twice", { end: "other", locks: [0, 0] }, "leaves[0].releaseOrders[0].locks[1]: 0 stands there twice"],
    [
      "is of no lock that is refused",
      { end: "busy", refused: 7, locks: [0, 1] },
      "leaves[0].releaseOrders[0].refused: no row has the order 7",
    ],
    [
      "does not say which lock is refused",
      { end: "busy", locks: [0, 1] },
      "leaves[0].releaseOrders[0]: a call that ends busy is refused at a lock",
    ],
    [
      "says so of a call that is refused none",
      { end: "success", refused: 1, locks: [0, 1] },
      "leaves[0].releaseOrders[0].refused: a call that ends in success is not refused",
    ],
  ])("an order of releases that %s", (_fault, order, message) => {
    const rows = ["TDR", "TDCS"].map((resource, at) => row(resource, "SHARED", { order: at }));
    const own = leaf("tdh_x", 1, rows);
    const text = serializeCatalog(
      smallCatalog({ leaves: [{ ...own, releaseOrders: [order] as typeof own.releaseOrders }] }),
    );
    const error = parseFailure(text);
    expect([error.code, error.message]).toEqual(["SL2006", message]);
    expect(text.split("\n")[(error.place?.line ?? 0) - 1]).toContain("locks");
    expect(error.hint).toMatch(/schemas/);
  });

  test("two entries of one leaf need variants", () => {
    const catalog = smallCatalog();
    const twice = { ...catalog, leaves: [...catalog.leaves, leaf("tdh_mem_track", 38, [])] };
    const error = parseFailure(serializeCatalog(twice));
    expect(error.code).toBe("SL2007");
    expect(error.message).toBe("tdh_mem_track has two entries without a variant");
  });

  test("a string of millions of characters is refused in a short message", () => {
    const error = parseFailure(`{ "schema": "${"a".repeat(20_000_000)}" }`);
    expect(error.code).toBe("SL2004");
    expect(error.message.length).toBeLessThan(200);
  });

  test("any text gives a catalog or a SeamlockError", () => {
    const cut = fc
      .tuple(fc.nat({ max: TEXT.length }), fc.string())
      .map(([n, s]) => TEXT.slice(0, n) + s + TEXT.slice(n + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), cut), (text) => {
        try {
          parseCatalog(text, "m.json");
        } catch (error) {
          expect(error).toBeInstanceOf(SeamlockError);
        }
      }),
    );
  });

  test("deep nesting is an error like any other", () => {
    expect(parseFailure("[".repeat(100_000)).code).toMatch(/^SL200/);
  });
});

describe("resolveLeaf", () => {
  const catalog = smallCatalog();
  const names = (spelling: string): string[] =>
    resolveLeaf(catalog, spelling).map((l) => `${l.name} ${l.variant ?? ""}`.trim());

  test.each(["tdh_mem_track", "TDH.MEM.TRACK", "TDH_MEM_TRACK", "tdh_mem_track()", "38", "0x26", " 0X26 "])(
    "%j is TDH.MEM.TRACK",
    (s) => {
      expect(names(s)).toEqual(["tdh_mem_track"]);
    },
  );

  test("a bare number is the SEAMCALL, or else the TDCALL", () => {
    expect(names("6")).toEqual(["tdh_mem_page_aug"]);
    expect(names("18")).toEqual(["tdg_servtd_rd"]);
    expect(names("tdg_mem_page_accept")).toEqual(["tdg_mem_page_accept"]);
  });

  test("a name gives all variants, an alias the one it means", () => {
    expect(names("tdh_vp_init")).toEqual(["tdh_vp_init version=0", "tdh_vp_init version>=1"]);
    expect(names("tdh_vp_init_apicid")).toEqual(["tdh_vp_init version>=1"]);
  });

  test("aliases lead to the leaves that the catalog has", () => {
    expect(names("tdh_mng_rdwr")).toEqual(["tdh_mng_rd"]);
    const published = { ...catalog, leaves: [leaf("tdh_mng_rdwr", 11, []), leaf("tdh_mng_add_cx", 1, [])] };
    expect(resolveLeaf(published, "TDH.MNG.WR").map((l) => l.name)).toEqual(["tdh_mng_rdwr"]);
    expect(resolveLeaf(published, "tdh_mng_addcx").map((l) => l.name)).toEqual(["tdh_mng_add_cx"]);
  });

  test("a near miss gets a suggestion", () => {
    const error = failure(() => resolveLeaf(catalog, "tdh_mem_trakc"));
    expect(error.code).toBe("SL2102");
    expect(error.hint).toBe("did you mean `tdh_mem_track`?");
    expect(failure(() => resolveLeaf(catalog, "99")).message).toBe("no leaf has the number 99 in module 0.1.02");
    expect(failure(() => resolveLeaf(catalog, "open_the_door_please")).hint).toMatch(/report --all/);
  });
});

describe("statuses", () => {
  const catalog = smallCatalog();

  test("class, code, name, operand and flags", () => {
    expect(decodeStatus(catalog, "0x8000020000000092")).toEqual({
      status: "0x8000020000000092",
      name: "TDX_OPERAND_BUSY",
      base: "0x8000020000000000",
      error: true,
      nonRecoverable: false,
      fatal: false,
      hostRecoverabilityHint: false,
      class: 2,
      code: 0,
      detail: 0x92,
      operand: { id: "SEPT_TREE", number: 146 },
    });
  });

  test("a fatal error keeps the name of its class and code", () => {
    const decoded = decodeStatus(catalog, "A000020000000001");
    expect(decoded.name).toBe("TDX_OPERAND_BUSY");
    expect(decoded.fatal).toBe(true);
  });

  test("0 in the low half is RAX only of a status that the source makes with an operand", () => {
    const newest = moduleNamed("1.5.25");
    expect(statusText(newest, "0x8000020200000000")).toBe("TDX_SYS_BUSY");
    expect(statusText(newest, "0xC000010000000000")).toBe("TDX_OPERAND_INVALID | RAX");
  });

  test("an unknown status has no name", () => {
    expect(decodeStatus(catalog, "0xC000_BEEF_0000_0001")).toMatchObject({
      name: null,
      base: null,
      nonRecoverable: true,
    });
    expect(statusText(catalog, "0xC000BEEF00000001")).toBe("0xC000BEEF00000001");
  });

  test("as a person writes it", () => {
    expect(statusText(catalog, "0x8000020000000092")).toBe("TDX_OPERAND_BUSY | SEPT_TREE");
    expect(statusText(catalog, "0x8000020000007777")).toBe("TDX_OPERAND_BUSY | 30583");
    expect(statusText(catalog, "0")).toBe("TDX_SUCCESS");
  });

  test.each(["", "0x", "hello", "0x80000200000000920", "-1"])("%j is not a status", (text) => {
    expect(failure(() => parseStatus(text)).code).toBe("SL2101");
  });
});
