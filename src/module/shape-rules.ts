/**
 * What functions that the analysis knows by name look like: types of what they return and take. Facts of the released sources, beside
 * `rules.ts`: a release that changes a type changes it here.
 */

import type { ExtractionRules } from "./rules.ts";
import { STATUS_RULES } from "./status-rules.ts";

export interface Shape {
  /** What such functions are, as a message says it. */
  readonly what: string;
  /** The type that it returns, without stars. */
  readonly returns: RegExp;
  /** Types of its first parameters, without spaces; of all with `exactly`. */
  readonly parameters: readonly RegExp[];
  readonly exactly?: true;
  /** A type that one of its parameters has, or that none has. */
  readonly having?: RegExp;
  readonly lacking?: RegExp;
  /** Names that the analysis knows such functions by. */
  readonly known: (rules: ExtractionRules) => readonly (string | RegExp)[];
  /** One that calls a known one is followed into it. */
  readonly wraps?: true;
  /** Functions of this shape that are followed, or that say nothing that matters. */
  readonly others: readonly (string | RegExp)[];
}

const STATUS = /^api_error_(type|code_e)$/;
const ANY = /./;

export const SHAPES: readonly Shape[] = [
  {
    what: "takes or gives back a lock in a mode that it is given",
    returns: ANY,
    parameters: [/_lock_t\*$/, /^lock_type_t$/],
    known: ({ primitives }) => Object.keys(primitives),
    others: [],
  },
  {
    what: "ends in a fatal error",
    returns: /^void$/,
    parameters: [/^fatal_error_id_e$/],
    known: ({ noReturn }) => Object.keys(noReturn),
    others: [],
  },
  {
    what: "enters the TD",
    returns: /^void$/,
    parameters: [],
    having: /^gprs_state_t\*$/,
    known: ({ noReturn }) => Object.keys(noReturn),
    others: [],
  },
  {
    what: "changes a status",
    returns: STATUS,
    parameters: [STATUS],
    known: ({ statusChanges }) => Object.keys(statusChanges),
    wraps: true,
    others: [],
  },
  {
    what: "leaves the TD with a status",
    returns: /^void$/,
    parameters: [STATUS],
    known: () => STATUS_RULES.exits.map((exit) => exit.function),
    others: ["async_tdexit_internal"],
  },
  {
    what: "maps a page",
    returns: /^void$/,
    parameters: [],
    having: /^mapping_type_t$/,
    known: ({ mappings }) => mappings,
    others: ["map_pa_with_global_hkid_uncached", "map_pa_with_hkid_with_memtype", "walk_and_map_guest_side_gpa"],
  },
  {
    what: "maps the TDCS",
    returns: /^tdcs_t$/,
    parameters: [/^tdr_t\*$/, /^mapping_type_t$/],
    known: ({ nonNull }) => nonNull,
    others: [],
  },
  {
    what: "walks a tree of SEPT pages",
    returns: ANY,
    parameters: [/^ia32e_eptp_t$/],
    known: ({ walks }) => Object.keys(walks),
    others: [],
  },
  {
    what: "walks the SEPT of an L2 VM",
    returns: STATUS,
    parameters: [/^tdr_t\*$/, /^tdcs_t\*$/, /^uint16_t$/, /^pa_t$/],
    known: ({ followed }) => followed,
    others: ["l2_sept_walk_guest_side"],
  },
  {
    what: "locks the owner of a page",
    returns: STATUS,
    parameters: [/^pa_t$/],
    having: /^tdr_t\*\*$/,
    lacking: /^page_type_t$/,
    known: ({ ownerLocks }) => ownerLocks,
    others: [],
  },
  {
    what: "gives the PAMT entry of a page",
    returns: /^pamt_entry_t$/,
    parameters: [/^pa_t$/],
    lacking: /^lock_type_t$/,
    known: ({ nonNull }) => nonNull,
    others: ["pamt_implicit_get_with_nl_entry"],
  },
  {
    what: "splits or merges PAMT entries",
    returns: /^(api_error_(type|code_e)|bool_t)$/,
    parameters: [/^pa_t$/, /^page_size_t$/],
    lacking: /^lock_type_t$/,
    known: ({ pamtResizes }) => pamtResizes,
    others: [],
  },
  {
    what: "reads a list for a leaf",
    returns: STATUS,
    parameters: [],
    having: /^md_list_header_t\*$/,
    known: ({ listReaders }) => listReaders,
    others: ["md_dump_list"],
  },
  {
    what: "checks the level of a page",
    returns: /^bool_t$/,
    parameters: [/^page_info_api_input_t$/, /^ept_level_t$/],
    known: ({ rangeChecks }) => Object.keys(rangeChecks),
    others: [],
  },
  {
    what: "checks a GPA",
    returns: /^bool_t$/,
    parameters: [/^pa_t$/, /^bool_t$/],
    known: ({ denials }) => Object.keys(denials),
    others: [],
  },
  {
    what: "tells whether a GPA is shared",
    returns: /^bool_t$/,
    parameters: [/^uint64_t$/, /^bool_t$/],
    exactly: true,
    known: ({ denials }) => Object.values(denials).map(({ call }) => call),
    others: [],
  },
  {
    what: "writes the word of an SEPT entry",
    returns: /^void$/,
    parameters: [/^(uint64_t|ia32e_sept_t)\*$/, /^uint64_t$/],
    exactly: true,
    known: ({ wordWriters, wholeWordReleases }) => [...wordWriters, ...wholeWordReleases],
    others: [],
  },
  {
    what: "changes an SEPT entry as a whole",
    returns: /^void$/,
    parameters: [/^ia32e_sept_t\*$/],
    exactly: true,
    known: ({ wholeWordReleases }) => wholeWordReleases,
    others: ["sept_unblock", "sept_l2_blockw", "sept_l2_unblock", "sept_l2_unblockw", "sept_set_mt_from_ipat_tdmem"],
  },
  {
    what: "changes an SEPT entry as the TD's state demands",
    returns: /^void$/,
    parameters: [/^ia32e_sept_t\*$/, /^(const)?tdcs_t\*$/],
    exactly: true,
    known: ({ wholeWordReleases }) => wholeWordReleases,
    others: [],
  },
  {
    what: "makes an SEPT entry a leaf",
    returns: /^void$/,
    parameters: [/^ia32e_sept_t\*$/, /^uint64_t$/, /^pa_t$/],
    known: ({ wholeWordReleases }) => wholeWordReleases,
    others: [/^sept_set_leaf_(and_keep_lock|no_lock_internal|unlocked_entry)(_given_hpa_(and|with)_hkid)?$/],
  },
];
