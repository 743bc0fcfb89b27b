/** What a caller does with a BUSY, in the few words that a column has room for. */
import { isEndless, isKick, reactionOf } from "../host/index.ts";

const WORDS: Readonly<Record<string, string>> = {
  "bug-vm": "VM lost",
  leak: "leaked",
  misread: "wrong value",
  warn: "warning",
  ignore: "ignored",
  refault: "fault again",
  reenter: "enter again",
};

/** A clause of a profile, as far as it is reached: `kick, bar, retry once`; of a guest, nothing says what it does. */
export function shortReaction(does: readonly string[], guest: boolean): string {
  const lost = does.indexOf("bug-vm");
  // What is returned of a VM that is lost, and what is warned of before an error, tells nothing more.
  const told = (lost >= 0 ? does.slice(0, lost + 1) : does).filter(
    (one, _i, all) => one !== "warn" || all.length === 1,
  );
  const [first = "", last] = told;
  if (isKick(first) && last === "bug-vm") return "VM lost after a kick";
  return told.map((one) => word(one, guest)).join(", then ");
}

function word(reaction: string, guest: boolean): string {
  const { kind, tries, error } = reactionOf(reaction);
  if (error !== null) return error;
  if (isEndless(reaction)) return "retry for ever";
  if (kind === "retry") return `retry ${times(tries)}`;
  if (kind === "kick-and-retry") return `kick, bar, retry ${times(tries)}`;
  if (kind === "unknown") return guest ? "up to guest" : "not known";
  return WORDS[kind] ?? kind;
}

function times(tries: number | null): string {
  return tries === 1 ? "once" : `${tries} times`;
}

const SENTENCES: Readonly<Record<string, string>> = {
  "kick-and-retry": "kicks the vCPUs, bars entry and tries once more",
  refault: "tries the fault again",
  reenter: "enters the vCPU again",
  retry: "tries again",
};

/** The first thing that a caller does, as a sentence's verb; null for what does not get over the BUSY. */
export function gettingOver(does: readonly string[]): string | null {
  const [first = ""] = does;
  return SENTENCES[reactionOf(first).kind] ?? null;
}
