/** Names of a Model's things in another tool's language: letters, digits and underscores, unique, no keyword. */
export class Names {
  readonly #taken: Set<string>;
  readonly #known = new Map<string, string>();

  constructor(reserved: readonly string[]) {
    this.#taken = new Set(reserved);
  }

  /** The name for `original` in its scope; the same every time. */
  of(scope: string, original: string): string {
    const key = `${scope}\u0000${original}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const plain = `${scope === "" ? "" : `${scope}_`}${original}`
      .replace(/[^A-Za-z0-9_]/g, "_")
      .replace(/^(?=[0-9_])/, "v");
    let name = plain;
    for (let i = 2; this.#taken.has(name); i++) name = `${plain}_${i}`;
    this.#taken.add(name);
    this.#known.set(key, name);
    return name;
  }
}
