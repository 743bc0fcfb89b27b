/** The kernel's functions that make the calls, by release: facts of `data/recording/linux.json`, read from the kernel's source. */
import facts from "../../data/recording/linux.json" with { type: "json" };
import { SeamlockError } from "../errors.ts";

/** What an argument is; see the data's own `source`. */
export type ArgumentKind = "td" | "vp" | "gpa" | "level" | "pg-level" | "page" | "pfn" | "tdr-page" | "other";

export interface Wrapper {
  readonly function: string;
  readonly leaf: string;
  /** False: the function is `noinstr`, so that nothing can be attached to it. */
  readonly probe: boolean;
  readonly arguments: readonly { readonly name: string; readonly is: ArgumentKind }[];
}

/** A range of releases with the same functions. */
interface Release {
  readonly from: string;
  readonly until: string | null;
  readonly wrappers: readonly Wrapper[];
}

const RELEASES: readonly Release[] = facts.releases.map(({ from, until, wrappers }) => ({
  from,
  until,
  wrappers: wrappers.map(
    (one): Wrapper => ({
      function: one.function,
      leaf: one.leaf,
      probe: !("probe" in one) || one.probe !== false,
      arguments: one.arguments.map(({ name, is }) => ({ name, is: is as ArgumentKind })),
    }),
  ),
}));

/** The leaf that runs a guest, and the function around it that can be probed. */
export const ENTER = facts.enter;

/** Leaves that a CPU may be asked for by another one while it makes a call itself. */
const INTERRUPTS: ReadonlySet<string> = new Set(facts.interrupts);
// Most are entries, and asking for one string costs less than a set does.
export const mayInterrupt = (leaf: string): boolean => leaf !== ENTER.leaf && INTERRUPTS.has(leaf);

/** Every wrapper of any release, by the function's name; the newest where releases differ. */
export const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map(
  RELEASES.flatMap(({ wrappers }) => wrappers.map((one) => [one.function, one] as const)),
);

/** The one call that no wrapper makes, and the function that makes it, inlined in it. */
export const UNWRAPPED = facts.unwrapped;

/** Leaves that the recording commands of any release watch. */
export const RECORDED_LEAVES: ReadonlySet<string> = new Set([...WRAPPERS.values()].map(({ leaf }) => leaf));

/**
 * The wrappers of a kernel release: `6.16`, `7.3.0-rc2`, `6.18.44-generic`.
 *
 * @throws SeamlockError SL7001 when no kernel of that release makes these calls, or it is no release
 */
export function wrappersOf(release: string): { readonly wrappers: readonly Wrapper[]; readonly known: boolean } {
  const wanted = numbersOf(release);
  const first = RELEASES[0];
  if (wanted === null || first === undefined || compare(wanted, numbersOf(first.from)) < 0) {
    throw new SeamlockError("SL7001", `\`${release}\` is no release of Linux that is known to run TDs`, {
      hint: `give what \`uname -r\` prints on the host; KVM runs TDs since Linux ${first?.from}`,
    });
  }
  const found = RELEASES.findLast(({ from }) => compare(wanted, numbersOf(from)) >= 0) ?? first;
  const known = compare(wanted, numbersOf(facts.newestRead)) <= 0;
  return { wrappers: found.wrappers, known };
}

/** The newest release that the facts were read from. */
export const NEWEST_RELEASE = facts.newestRead;

function numbersOf(release: string): readonly [number, number] | null {
  const [, major, minor] = /^v?(\d{1,3})\.(\d{1,3})(?!\d)/.exec(release.trim()) ?? [];
  return major === undefined || minor === undefined ? null : [Number(major), Number(minor)];
}

function compare(a: readonly [number, number], b: readonly [number, number] | null): number {
  return b === null ? 1 : a[0] - b[0] || a[1] - b[1];
}

/** Every leaf that Linux calls while TDs run. */
export const CALLED_LEAVES: ReadonlySet<string> = new Set([...RECORDED_LEAVES, UNWRAPPED.leaf]);
