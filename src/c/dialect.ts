/**
 * What stands between a project's C and a plain C parser, as data.
 */

/** Tokens that stand between a project's C and a plain C parser. */
export interface Dialect {
  /** Macro token → the keyword that it expands to (never longer than the token). */
  readonly replaceTokens: Readonly<Record<string, string>>;
  /** Tokens that expand to attributes. */
  readonly blankTokens: readonly string[];
  /** Calls whose whole text is an attribute, an assertion for the compiler, or assembly. */
  readonly blankCalls: readonly string[];
  /** Symbols that a build defines, and their text: `CONFIG_SMP` is `1`. */
  readonly defined?: Readonly<Record<string, string>>;
  /** Calls that ask, in a conditional or in code, whether a build defines a symbol: `IS_ENABLED(CONFIG_SMP)`. */
  readonly definedCalls?: readonly string[];
  /** Conditionals see what any other header of the tree defines, as if all were included. */
  readonly sharedHeaders?: boolean;
  /**
   * Macros are expanded before functions are parsed, but for those named in `keep`, which stay calls; unless given, only those whose meaning
   * depends on what stands around their use. `first`: a file whose macros count before those of others.
   */
  readonly expand?: { readonly keep: readonly string[]; readonly first?: string };
  /** Names of macros that govern the statement after their call; `*` stands for any characters. */
  readonly governs?: readonly string[];
  /** Tokens that make a definition give way to another one of its name. */
  readonly weakTokens?: readonly string[];
  /** Names of types that no header of the tree declares. */
  readonly types?: readonly string[];
}
