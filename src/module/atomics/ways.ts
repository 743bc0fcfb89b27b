/** Every way through a function, and what each side of an argument makes of it. */
import type { FunctionAst } from "../../c/index.ts";
import type { Atom, Source } from "./bits.ts";
import { type Fact, NotUnderstood, runAlong, type Tree, type Way } from "./machine.ts";

/** A small function has a few dozen ways. */
const MOST_WAYS = 4000;

/**
 * All ways through a function whose parameter `shared` is the address of the word.
 *
 * @throws NotUnderstood when one of them has something that is not understood, or there are too many
 */
export function waysThrough(tree: Tree, ast: FunctionAst, shared: string): Way[] {
  const ways: Way[] = [];
  let decisions: boolean[] = [];
  for (;;) {
    let asked = 0;
    const taken = decisions;
    const way = runAlong(tree, ast, shared, () => {
      const holds = taken[asked] ?? true;
      taken[asked++] = holds;
      return holds;
    });
    ways.push(way);
    if (ways.length > MOST_WAYS) throw new NotUnderstood("it has too many ways", ast.file, ast.line);
    decisions = taken.slice(0, asked);
    while (decisions.at(-1) === false) decisions.pop();
    if (decisions.length === 0) return ways;
    decisions[decisions.length - 1] = false;
  }
}

/** What some arguments are: one test each. */
export interface Variant {
  readonly given: readonly { readonly atom: Atom & { kind: "match" }; readonly holds: boolean }[];
  readonly ways: readonly Way[];
}

const isArgument = (source: Source): source is string => typeof source === "string";

/** A test of arguments alone. */
const ofArgument = ({ atom }: Fact): boolean => atom.kind === "match" && isArgument(atom.source);
export const atomKey = (atom: Atom): string =>
  atom.kind === "stored" ? `stored ${atom.step}` : `${atom.source} ${atom.mask} ${atom.value}`;

/** The ways, apart for each answer to the tests of arguments; their facts are then about words alone. */
export function variantsOf(ways: readonly Way[]): Variant[] {
  const first = ways.flatMap(({ facts }) => facts.filter(ofArgument)).at(0);
  if (first === undefined) return [{ given: [], ways }];
  const atom = first.atom as Atom & { kind: "match" };
  const key = atomKey(atom);
  return [true, false].flatMap((holds) => {
    const here = ways.filter(({ facts }) => !facts.some((fact) => atomKey(fact.atom) === key && fact.holds !== holds));
    const rest = here.map((way) => ({ ...way, facts: way.facts.filter((fact) => atomKey(fact.atom) !== key) }));
    const distinct = [...new Map(rest.map((way) => [wayKey(way), way])).values()];
    return variantsOf(distinct).map((variant) => ({ ...variant, given: [{ atom, holds }, ...variant.given] }));
  });
}

const wayKey = ({ accesses, facts, end }: Way): string =>
  JSON.stringify([accesses.map(({ line }) => line), facts.map(({ atom, holds }) => [atomKey(atom), holds]), end]);
