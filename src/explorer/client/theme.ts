/** Light or dark: what the system asks for, until the reader says otherwise. */
import { keep, kept } from "./kept.ts";

const NAME = "theme";

type Theme = "light" | "dark";

/** Shows what was chosen before. */
export function restoreTheme(): void {
  const chosen = kept(NAME);
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset["theme"] = chosen;
}

/** The other one. */
export function toggleTheme(): void {
  const system: Theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const now = document.documentElement.dataset["theme"] ?? system;
  const next: Theme = now === "dark" ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  keep(NAME, next);
}
