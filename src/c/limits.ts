/**
 * Bounds that keep any directory from taking more than seconds and a few hundred megabytes. A module has about a tenth to a third
 * of what they allow; what they cut off is a diagnostic.
 */
export const LIMITS = {
  /** Bytes of a file, and of all files together. A module has files of 0.12 MB and 3.2 MB in all. */
  fileBytes: 1024 * 1024,
  treeBytes: 8 * 1024 * 1024,
  /** Bytes of a tree that two threads read: each holds what it has parsed. Modules have up to 3.2 MB. */
  sharedBytes: 5 * 1024 * 1024,
  files: 4000,
  /** Entries of folders, of whatever kind, and how deep folders nest. */
  entries: 50_000,
  depth: 24,
  /** Tokens of one function. A module's largest has 4,600. */
  functionTokens: 12_000,
  /** Tokens that the macros of one function make. */
  expansion: 40_000,
  /** Characters of a macro's body that may be an expression, and tokens that it and the macros in it make. */
  macroBody: 400,
  macroTokens: 2000,
  /** Macros that stand one in the other for a call. */
  macroDepth: 40,
  /** Calls of macros that stand one in the other's arguments. */
  macroArguments: 200,
  /** Tokens that the macros of all conditions of one file make. */
  conditions: 200_000,
  /** Characters of a condition, as written. */
  condition: 20_000,
  /** Parentheses, choices and signs that stand one in the other in a condition. */
  conditionDepth: 200,
  /** Characters of an enumerator's value. */
  enumerator: 400,
  /** Characters of an attribute's, an assertion's or assembly's parentheses. */
  blankCall: 4000,
  /** Functions, macros, enumerators and types. A module has about 4,200. */
  names: 50_000,
  /** Cases of the dispatchers. A module has about a hundred. */
  leaves: 400,
  /** Diagnostics of one code that are listed. */
  diagnostics: 500,
  /** Steps of the analysis of one leaf, and of all. A module takes up to 24,000, and 180,000. */
  leafSteps: 150_000,
  steps: 600_000,
} as const;
