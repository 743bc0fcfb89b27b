import pc from "picocolors";
import type { Place, SeamlockError } from "../errors.ts";
import { printable } from "./printable.ts";

/** `file`, `file:line` or `file:line:column`. */
function placeText(place: Place): string {
  return [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
}

/** An error as the terminal shows it: what is wrong, where, what to try; then what else is. Ends in a newline. */
export function errorText(error: SeamlockError, color: boolean): string {
  const all = [error, ...error.others];
  // A hint that several share is told once, after the last of them.
  return all.map((one, i) => oneError(one, color, one.hint !== all[i + 1]?.hint)).join("");
}

function oneError(error: SeamlockError, color: boolean, hinted: boolean): string {
  const style = pc.createColors(color);
  const lines = [`${style.bold(style.red(`error[${error.code}]`))}: ${printable(error.message)}`];
  if (error.place !== null) lines.push(`  --> ${printable(placeText(error.place))}`);
  if (hinted && error.hint !== null) lines.push(`${style.bold("help")}: ${printable(error.hint)}`);
  return `${lines.join("\n")}\n`;
}
