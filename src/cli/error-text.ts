import pc from "picocolors";
import type { Place, SeamlockError } from "../errors.ts";
import { printable } from "./printable.ts";

/** `file`, `file:line` or `file:line:column`. */
function placeText(place: Place): string {
  return [place.file, place.line, place.column].filter((part) => part !== undefined).join(":");
}

/** An error as the terminal shows it: what is wrong, where, what to try. Ends in a newline. */
export function errorText(error: SeamlockError, color: boolean): string {
  const style = pc.createColors(color);
  const lines = [`${style.bold(style.red(`error[${error.code}]`))}: ${printable(error.message)}`];
  if (error.place !== null) lines.push(`  --> ${printable(placeText(error.place))}`);
  if (error.hint !== null) lines.push(`${style.bold("help")}: ${printable(error.hint)}`);
  return `${lines.join("\n")}\n`;
}
