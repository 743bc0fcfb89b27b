/** Light or dark: what the system asks for, until the reader says otherwise; kept for the next time where the browser keeps things. */

const KEY = "seamlock-theme";

type Theme = "light" | "dark";

/** Shows what was chosen before. */
export function restoreTheme(): void {
  const kept = read();
  if (kept !== null) document.documentElement.dataset["theme"] = kept;
}

/** The other one. */
export function toggleTheme(): void {
  const system: Theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const now = document.documentElement.dataset["theme"] ?? system;
  const next: Theme = now === "dark" ? "light" : "dark";
  document.documentElement.dataset["theme"] = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // A browser that keeps nothing for a file forgets the choice.
  }
}

function read(): Theme | null {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : null;
  } catch {
    return null;
  }
}
