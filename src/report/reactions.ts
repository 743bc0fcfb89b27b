/** What a caller does with a BUSY, in the few words that a column has room for. */

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
  if (first.startsWith("kick-and-retry") && last === "bug-vm") return "VM lost after a kick";
  return told.map((one) => word(one, guest)).join(", then ");
}

function word(reaction: string, guest: boolean): string {
  const [kind = "", value = ""] = reaction.split(":");
  if (kind === "return") return value;
  if (kind === "retry") return value === "unbounded" ? "retry for ever" : `retry ${times(value)}`;
  if (kind === "kick-and-retry") return `kick, bar, retry ${times(value)}`;
  if (kind === "unknown") return guest ? "up to the guest" : "not known";
  return WORDS[kind] ?? kind;
}

function times(value: string): string {
  return value === "1" ? "once" : `${value} times`;
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
  return SENTENCES[first.split(":")[0] ?? ""] ?? null;
}
