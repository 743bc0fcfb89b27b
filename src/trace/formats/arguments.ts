/** Arguments and results as the kernel's own tracers print them: `td=0xffff…, gpa=0x1000, level=1 [PG_LEVEL_4K]`. */
import { NOTHING, type Operands } from "../call.ts";
import { type ArgumentKind, WRAPPERS } from "../wrappers.ts";
import type { Input } from "./input.ts";

/** What an argument of this name is, in any wrapper of any release; `pg_level` is what our perf probes call a level that counts from 1. */
const KIND_OF: ReadonlyMap<string, ArgumentKind> = new Map([
  ...[...WRAPPERS.values()].flatMap((one) =>
    one.arguments.filter(({ is }) => is !== "other").map(({ name, is }) => [name, is] as const),
  ),
  // Which of the two ways a level counts is seen by how it is printed.
  ["level", "level"],
  ["pg_level", "pg-level"],
  ["page", "page"],
  ["pfn", "pfn"],
]);

const VALUE = /(\w+)=(?:(0x[0-9a-f]+)|(-?\d+))( \[PG_LEVEL)?/g;

/** The operands in a list of arguments. */
export function operandsIn(text: string, { names }: Input): Operands {
  if (text === "") return NOTHING;
  const found: { -readonly [K in keyof Operands]: Operands[K] } = { ...NOTHING };
  VALUE.lastIndex = 0;
  for (let match = VALUE.exec(text); match !== null; match = VALUE.exec(text)) {
    const [, name = "", hex, decimal, isEnum] = match;
    const kind = KIND_OF.get(name);
    if (kind === undefined) continue;
    const value = hex ?? decimal ?? "";
    switch (kind) {
      case "td":
      case "tdr-page":
        found.td = names.of(value);
        break;
      case "vp":
        found.vp = names.of(value);
        break;
      case "gpa":
        found.gpa = small(value);
        break;
      case "level":
        found.level = levelOf(value, isEnum !== undefined);
        break;
      case "pg-level":
        found.level = levelOf(value, true);
        break;
      case "pfn":
        found.page = small(value);
        break;
      case "page":
        found.page = pageOf(value);
        break;
      default:
    }
  }
  return found;
}

function small(value: string): number | null {
  return value.length > 15 ? null : Number(value);
}

function levelOf(value: string, fromOne: boolean): number | null {
  const level = Number(value) - Number(fromOne);
  return level >= 0 && level <= 5 ? level : null;
}

/** The kernel's array of `struct page` has 64 bytes for each frame; where it begins is not known, so that the number is no frame's. */
function pageOf(pointer: string): number | null {
  if (!/^0x[0-9a-f]{12,16}$/.test(pointer)) return null;
  return -1 - Math.floor(Number(`0x${pointer.slice(-11)}`) / 64);
}
