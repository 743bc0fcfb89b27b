import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Acquisition, Catalog, Diagnostic, Leaf, Site } from "../../src/catalog/index.ts";
import { copyOfFixture, type Edit, extract, FIXTURE } from "./mutate.ts";

const VMM_DISPATCHER = "src/vmm_dispatcher/tdx_vmm_dispatcher.c";
const TD_DISPATCHER = "src/td_dispatcher/tdx_td_dispatcher.c";

/** Where the leaves of a small tree stand. */
export const LEAVES = "src/leaves.c";

/** The header in which the fixture's own leaves have their numbers. */
const NUMBERED = readFileSync(join(FIXTURE, "include/api_defs.h"), "utf8");

/** What the extraction says of a small tree, and places in its sources. */
export interface SmallTree {
  readonly catalog: Catalog;
  /** The first leaf that the source defines. */
  readonly leaf: Leaf;
  readonly rows: readonly Acquisition[];
  /** The place of a text that the sources have exactly once, as `file:line`. */
  readonly at: (text: string) => string;
}

/**
 * Extracts a tree of the fixture's headers and helpers whose only leaves are those that `source` defines; they are numbered
 * from 0 in source order, and the dispatchers pass registers as their arguments.
 *
 * @param files further files, or others in place of the fixture's, by path
 */
export async function smallTree(source: string, files: Readonly<Record<string, string>> = {}): Promise<SmallTree> {
  const leaves = [...source.matchAll(/^api_error_type (td([hg])_\w+)\(([^)]*)\)/gm)].map(
    ([, name = "", side = "", parameters = ""]) => ({ name, side, arguments: parameters.split(",").length }),
  );
  const texts = { ...files, [LEAVES]: source };
  const edits: Edit[] = [
    ...dispatcher("h", VMM_DISPATCHER, "void tdx_vmm_dispatcher(void)", leaves),
    ...dispatcher("g", TD_DISPATCHER, "void td_call(tdx_module_local_t* local)", leaves),
    {
      file: "include/leaves.h",
      find: null,
      put: leaves
        .map(({ name }, i) => ({ label: `${name.toUpperCase()}_LEAF`, i }))
        .filter(({ label }) => !NUMBERED.includes(`${label} `))
        .map(({ label, i }) => `#define ${label} ${i}\n`)
        .join(""),
    },
    ...Object.entries(texts).map(([file, put]) => ({ file, find: null, put })),
  ];
  const catalog = await extract(copyOfFixture(edits));
  const leaf = catalog.leaves.find(({ name }) => name === leaves[0]?.name);
  if (!leaf) throw new Error("the extraction has no leaf of the source");
  return { catalog, leaf, rows: leaf.acquisitions, at: (text) => placeIn(texts, text) };
}

/** A dispatcher of the leaves of one side; none where there are none. */
function dispatcher(
  side: string,
  file: string,
  head: string,
  leaves: readonly { readonly name: string; readonly side: string; readonly arguments: number }[],
): Edit[] {
  const cases = leaves
    .filter((leaf) => leaf.side === side)
    .map((leaf) => {
      const args = Array.from({ length: leaf.arguments }, (_, i) => `registers.r${i}`);
      return `    case ${leaf.name.toUpperCase()}_LEAF: registers.rax = ${leaf.name}(${args.join(", ")}); break;\n`;
    });
  if (cases.length === 0) return [];
  const put = `${head}\n{\n    switch (registers.leaf)\n    {\n${cases.join("")}    default: break;\n    }\n}\n`;
  return [{ file, find: null, put }];
}

function placeIn(texts: Readonly<Record<string, string>>, text: string): string {
  const helpers = "src/common/helpers.c";
  const all = { [helpers]: readFileSync(join(FIXTURE, helpers), "utf8"), ...texts };
  const places = Object.entries(all).flatMap(([file, content]) =>
    content.split("\n").flatMap((line, i) => (line.includes(text) ? [`${basename(file)}:${i + 1}`] : [])),
  );
  const [place] = places;
  if (place === undefined || places.length > 1) throw new Error(`${places.length} lines have: ${text}`);
  return place;
}

/** Places as {@link SmallTree.at} writes them. */
export const places = (sites: readonly Site[] | null | undefined): string[] | null =>
  sites?.map(({ file, line }) => `${basename(file)}:${line}`) ?? null;

/** Diagnostics as `CODE severity file:line`. */
export const said = (diagnostics: readonly Diagnostic[]): string[] =>
  diagnostics.map(
    ({ code, severity, file, line }) => `${code} ${severity}${file === null ? "" : ` ${basename(file)}:${line}`}`,
  );

/** A leaf of the VMM with what nearly every leaf declares. */
export const hostLeaf = (body: string): string => leafText("tdh_mem_test", body);

/** A leaf of the TD. */
export const guestLeaf = (body: string): string => leafText("tdg_mem_test", body);

const leafText = (name: string, body: string): string => `api_error_type ${name}(uint64_t gpa, uint64_t flags)
{
    tdx_module_global_t* global = get_global_data();
    tdcs_t*        tdcs_ptr = get_local_data()->vp_ctx.tdcs;
    ia32e_sept_t*  sept_entry = NULL;
    bool_t         locked = false;
    api_error_type return_val = UNINITIALIZE_ERROR;

    ${body.trim()}
}
`;

const tracking = (body: string): string => `api_error_type tdh_mem_track(uint64_t tdr_pa)
{
    api_error_type return_val = TDX_SUCCESS;
    tdcs_t* tdcs_ptr = map_implicit_tdcs(tdr_pa);
    ${body}
    return return_val;
}
`;

/** The resources that TDH.MEM.TRACK locks in a small tree, with this body. */
export const locksOfTrack = async (body: string): Promise<string[]> =>
  (await smallTree(tracking(body))).rows.map(({ resource }) => resource);

/** Takes the epoch lock and gives it back. */
export const LOCKS_EPOCH =
  "if (acquire_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock) == LOCK_RET_SUCCESS) { release_sharex_lock_ex(&tdcs_ptr->epoch_tracking.epoch_lock); } else { return_val = TDX_OPERAND_BUSY; }";
