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
}
