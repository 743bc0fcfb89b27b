/** What the search box can do besides finding. */
import { signal } from "@preact/signals";
import type { Action } from "../logic/search.ts";
import { keep, kept } from "./kept.ts";
import { copyLink, copyMail, copyMarkdown, saveFile } from "./share.tsx";
import { toggleTheme } from "./theme.ts";

/** Are the keys shown? */
export const helpOpen = signal(false);

const ONE_LETTER = "one-letter-keys";

/** Do keys of one character do something? Who speaks to the machine, or hits keys by chance, turns them off. */
export const oneLetterKeys = signal(kept(ONE_LETTER) !== "off");

/** Turns them on or off. */
export function setOneLetterKeys(isOn: boolean): void {
  oneLetterKeys.value = isOn;
  keep(ONE_LETTER, isOn ? "on" : "off");
}

/** Is it a key of one character, and are these turned off? */
export function isTurnedOff({ key }: KeyboardEvent): boolean {
  return key.length === 1 && !oneLetterKeys.value;
}

/** Does it. */
export function act(action: Action): void {
  switch (action) {
    case "theme":
      return toggleTheme();
    case "link":
      return void copyLink();
    case "markdown":
      return void copyMarkdown();
    case "mail":
      return void copyMail();
    case "save":
      return void saveFile();
    case "keys":
      return setHelp(true);
  }
}

/** Shows the keys, or closes them. */
export function setHelp(shown: boolean): void {
  helpOpen.value = shown;
  const dialog = document.getElementById("help");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (shown && !dialog.open) dialog.showModal();
  if (!shown && dialog.open) dialog.close();
}

/**
 * Does a key belong to what has the focus: a field, or a dialog that is open? A dialog that was just closed keeps the
 * focus until the page is drawn again, so one that is not open does not count: the next key would be lost.
 */
export function isTyping({ target }: Event): boolean {
  return (
    target instanceof Element && target.closest("input, select, textarea, [contenteditable], dialog[open]") !== null
  );
}
