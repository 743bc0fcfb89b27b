/** What the page keeps for the next time, where the browser keeps things; a file on disk may forget it. */

/** What was kept under a name; null where nothing was. */
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`seamlock-${name}`);
  } catch {
    return null;
  }
}

/** Keeps a value. */
export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`seamlock-${name}`, value);
  } catch {
    // Then the choice holds until the page is closed.
  }
}
