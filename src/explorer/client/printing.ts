/** Is the page being printed? What is folded is drawn then, for on paper nobody can open it. */
import { signal } from "@preact/signals";

export const printing = signal(false);

/** Follows the browser: it tells before it prints, and draws what changed by then. */
export function followPrinting(): void {
  addEventListener("beforeprint", () => {
    printing.value = true;
  });
  addEventListener("afterprint", () => {
    printing.value = false;
  });
}
