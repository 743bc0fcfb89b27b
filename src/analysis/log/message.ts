/** What one message says: the statuses in it, the calls that it names, the registers that it shows. */
import others from "../../../data/other-statuses.json" with { type: "json" };
import { type LeafToken, type NumberToken, type Token, tokensOf } from "./tokens.ts";
import {
  ABOUT_TDX,
  FILLERS,
  LEAF_LABELS,
  LEAF_WORDS,
  type NamedStatus,
  OTHER_LABELS,
  OUTPUTS,
  STATUS_LABELS,
  upperHalf,
  type Vocabulary,
  WORDINGS,
} from "./vocabulary.ts";

/** Who gave a status: the module, the loader of modules, the hypervisor to a guest's TDVMCALL, or Linux itself. */
export type Giver = "module" | "p-seamldr" | "tdvmcall" | "linux";

/** Which call a message names. */
export interface LeafMention {
  /** As the message spells it. */
  readonly word: string;
  /** Its name in the catalogs; null when none of them has it. */
  readonly leaf: string | null;
  /** Leaf version, where a leaf number carries one in bits 23:16; null when it is named by a name. */
  readonly version: number | null;
  /** The message does not say so; it is the call that such messages are about most. */
  readonly assumed: boolean;
  /** The number of a call of the P-SEAMLDR. */
  readonly loader: number | null;
}

/** A status found in a message. */
export interface Found {
  /** Null when the kernel that printed the message dropped the status. */
  readonly status: bigint | null;
  readonly giver: Giver;
  readonly call: LeafMention | null;
  /** How many digits are there, where some are missing; only the upper half counts then. */
  readonly cut: number | null;
  /** Only the upper 32 bits were given. */
  readonly upperOnly: boolean;
  /** A kernel wrote this: it names the call and says that it failed. */
  readonly printed: boolean;
  /** The number stands alone. */
  readonly alone: boolean;
  /** It is a status by its own value, wherever it stands. */
  readonly isKnown: boolean;
}

export interface MessageReading {
  readonly found: readonly Found[];
  /** A call that is named though no status goes with it. */
  readonly call: LeafMention | null;
  readonly outputs: Readonly<Record<string, string>>;
  /** Nothing but registers. */
  readonly registersOnly: boolean;
  /** What follows may belong to it: a status, its last digits, its operand. */
  readonly open: boolean;
  readonly about: boolean;
}

const LOADER_BIT = 1n << 63n;
const LOADER = new Map(others.seamldr.statuses.map((s) => [BigInt(s.value), s.name]));
const TDVMCALL = new Map(others.tdvmcall.statuses.map((s) => [BigInt(s.value), s.name]));
const IN_TDVMCALL = /tdvmcall|hypercall|vp[._]vmcall|getquote/i;
const IN_LOADER = /seamldr/i;
/** What KVM gives to user space as the reason of an exit that it does not know: all 64 bits that TDH.VP.ENTER returned. */
const EXIT_REASON = "reason";
/** Statuses of Linux's own: class FF. */
const isLinux = (value: bigint): boolean => value >> 40n === 0x8000ffn;

export function readMessage(text: string, vocabulary: Vocabulary): MessageReading {
  return new MessageReader(text, vocabulary).read();
}

/** What a number is, by what stands before it. */
type Role = "status" | "output" | "leaf" | "other" | "free";

const MAX_BACK = 8;
/** A word of a constant's name that says which status it is has at least so many letters. */
const TELLING = 4;
/** Hex digits of a whole status. */
const WHOLE = 16;
/** An operand is named within so many words after its status. */
const NEAR_OPERAND = 5;

class MessageReader {
  private readonly tokens: readonly Token[];
  private readonly calls: { readonly mention: LeafMention; readonly at: number }[] = [];
  /** With where they stand, and how those are written that are numbers. */
  private readonly found: (Found & { readonly at: number; readonly base: 10 | 16 | null })[] = [];
  private readonly outputs: Record<string, string> = {};
  private readonly about: boolean;
  private lastCut: NumberToken | null = null;

  private readonly text: string;
  private readonly vocabulary: Vocabulary;

  constructor(text: string, vocabulary: Vocabulary) {
    this.text = text;
    this.vocabulary = vocabulary;
    this.tokens = tokensOf(text, vocabulary);
    this.about = ABOUT_TDX.test(text);
  }

  read(): MessageReading {
    const roles = this.tokens.map((token, i) => (token.kind === "number" ? this.role(i) : null));
    this.readCalls(roles);
    this.tokens.forEach((token, i) => {
      const role = roles[i];
      if (token.kind === "number" && role) this.readNumber(token, role, i);
    });
    this.tokens.forEach((token, i) => {
      if (token.kind === "status") this.readName(token.status, i);
    });
    if (this.found.length === 0) this.readWording();
    const call = this.calls.at(-1)?.mention ?? null;
    return {
      found: this.found,
      call,
      outputs: this.outputs,
      registersOnly: this.isRegisters(),
      open: this.isOpen(),
      about: this.about,
    };
  }

  /** Walks back over words and signs that may stand between a number and what it is called. */
  private role(i: number): Role {
    const number = this.tokens[i] as NumberToken;
    if (this.isRange(i) || isKernelAddress(number)) return "other";
    for (let j = i - 1; j >= 0 && i - j <= MAX_BACK; j--) {
      const token = this.tokens[j] as Token;
      const next = this.tokens[j + 1] as Token;
      const gap = this.text.slice(token.end, next.start);
      if (gap.length > 12 || /[;{}]/.test(gap)) return "free";
      // `TDH_VP_WR[0x2024]`: which field, not what the call returned.
      if (token.kind === "leaf" && gap === "[" && number.digits < WHOLE) return "other";
      if (token.kind === "status" && number.digits < WHOLE && ADDED_TO_NAME.test(gap)) return "other";
      if (token.kind === "leaf" || token.kind === "status") return "status";
      if (token.kind === "number") return this.isIndexed(j) ? this.indexed(token) : "free";
      const near = j === i - 1;
      if (near && this.isAnswer(token.lower, number)) return "status";
      if (near && OUTPUTS.has(token.lower)) return "output";
      if (near && LEAF_LABELS.has(token.lower) && isLeafNumber(number)) return "leaf";
      // `P-SEAMLDR (8000000000000001) failed: …`
      if (near && token.lower === "seamldr" && gap === " (" && number.value >= LOADER_BIT) return "leaf";
      if (token.lower === EXIT_REASON && number.digits === WHOLE && number.base === 16) return "status";
      if (OTHER_LABELS.has(token.lower)) return "other";
      if (STATUS_LABELS.has(token.lower) || LEAF_LABELS.has(token.lower)) return "status";
      if (!FILLERS.has(token.lower)) return "free";
    }
    return "free";
  }

  /** R10 is where a hypervisor answers a TDVMCALL. */
  private isAnswer(label: string, { value }: NumberToken): boolean {
    return label === "r10" && TDVMCALL.has(value) && IN_TDVMCALL.test(this.text);
  }

  /** `[mem 0x1000-0x9fff]`, `0x1000..0x2000` */
  private isRange(i: number): boolean {
    const sign = (a: Token | undefined, b: Token | undefined): boolean =>
      a?.kind === "number" && b?.kind === "number" && /^\s*(?:-|\.\.\.?|\+)\s*$/.test(this.text.slice(a.end, b.start));
    return sign(this.tokens[i - 1], this.tokens[i]) || sign(this.tokens[i], this.tokens[i + 1]);
  }

  /** `data[0]: 0x…`: is the token at `j` the index? */
  private isIndexed(j: number): boolean {
    const [array, index] = [this.tokens[j - 1], this.tokens[j]];
    return array?.kind === "word" && array.lower === "data" && this.text.slice(array.end, index?.start) === "[";
  }

  /** Of what KVM says of an exit that it does not know, the first number is what TDH.VP.ENTER returned. */
  private indexed(index: NumberToken): Role {
    return index.value === 0n ? "status" : "other";
  }

  private readCalls(roles: readonly (Role | null)[]): void {
    this.tokens.forEach((token, i) => {
      if (token.kind === "leaf") {
        this.calls.push({ mention: named(token), at: token.start });
      } else if (token.kind === "number" && roles[i] === "leaf" && token.end < this.text.length) {
        const label = this.tokens[i - 1];
        const guest = label?.kind === "word" && /tdcall/.test(label.lower);
        this.calls.push({ mention: this.byNumber(token, guest), at: token.start });
      }
    });
    if (this.calls.length > 0) return;
    for (const { pattern, needs, leaf, assumed } of LEAF_WORDS) {
      const at = pattern.exec(this.text)?.index;
      if (at === undefined || (needs !== null && !needs.test(this.text))) continue;
      this.calls.push({ mention: { word: leaf, leaf, version: null, assumed, loader: null }, at });
      return;
    }
    const internal = /\bdata\[0\]/i.exec(this.text);
    if (internal !== null)
      this.calls.push({
        mention: { word: "tdh_vp_enter", leaf: "tdh_vp_enter", version: null, assumed: false, loader: null },
        at: internal.index,
      });
  }

  private byNumber(token: NumberToken, guest: boolean): LeafMention {
    if (token.value >= LOADER_BIT) {
      return { word: token.word, leaf: null, version: null, assumed: false, loader: Number(token.value & 0xffn) };
    }
    const number = Number(token.value & 0xffffn);
    const leaf = (guest ? this.vocabulary.guestLeaves : this.vocabulary.hostLeaves).get(number) ?? null;
    return { word: token.word, leaf, version: Number((token.value >> 16n) & 0xffn), assumed: false, loader: null };
  }

  /** The call that a status at `at` is of: the nearest one before it, else the first after it. */
  private callAt(at: number): LeafMention | null {
    return this.calls.findLast((call) => call.at < at)?.mention ?? this.calls[0]?.mention ?? null;
  }

  private readNumber(token: NumberToken, role: Role, i: number): void {
    if (role === "output") this.addOutput(token, i);
    if (role !== "status" && role !== "free") return;
    const call = this.callAt(token.start);
    const meant = this.meaning(token, role, i, call);
    if (meant === null || this.isSaidAlready(token, meant.status, call)) return;
    if (meant.cut !== null || (meant.upperOnly && token.prefixed)) this.lastCut = token;
    const labelled = role === "status" && call !== null && !call.assumed;
    this.found.push({
      call,
      printed: labelled && /\bfail|\berr/i.test(this.text),
      alone: this.tokens.length === 1,
      isKnown: meant.status !== null && (meant.giver !== "module" || this.isKnown(meant.status)),
      at: token.start,
      base: token.base,
      ...meant,
    });
  }

  /** `0x8000020000000092 (-9223369837831520110)`: one status, written in two ways. */
  private isSaidAlready({ base }: NumberToken, status: bigint | null, call: LeafMention | null): boolean {
    return this.found.some((f) => f.status === status && f.call === call && f.base !== null && f.base !== base);
  }

  private isKnown(status: bigint): boolean {
    return this.vocabulary.byUpperHalf.has(upperHalf(status));
  }

  private meaning(
    token: NumberToken,
    role: Role,
    i: number,
    call: LeafMention | null,
  ): Pick<Found, "status" | "giver" | "cut" | "upperOnly"> | null {
    const { value, digits, base } = token;
    const alone = this.tokens.length === 1;
    const whole = { status: value, cut: null, upperOnly: false } as const;
    const statusLike = role === "status" || alone;
    if (isLinux(value)) return { ...whole, giver: "linux" };
    if (call?.loader != null && role === "status") {
      if (digits >= (base === 16 ? 16 : 19)) return { ...whole, giver: "p-seamldr" };
      return token.prefixed ? { status: null, giver: "p-seamldr", cut: digits, upperOnly: false } : null;
    }
    const known = this.vocabulary.byUpperHalf.get(upperHalf(value));
    if (known !== undefined && (value >> 62n !== 0n || this.isSaidToBe(known, token, i, statusLike)))
      return { ...whole, giver: "module" };
    if (base === 10) return null;
    const giver = this.otherGiver(value, call, alone);
    if (giver !== null && (role === "status" || digits === 16)) return { ...whole, giver };
    if (digits === 8) return this.upperMeant(token, i, statusLike);
    if (!statusLike) return null;
    // Where no call is named, a number of 64 bits is a status only if it can be one.
    if (call === null && !alone) return null;
    if (digits === 16 || value === 0n) return { ...whole, giver: "module" };
    if (call?.leaf === "tdh_vp_enter" && value < 0x1_0000n) return { ...whole, giver: "module" };
    return this.cutMeant(token, alone);
  }

  /** A number without error bits may be anything, unless what stands before it says that it is a status. */
  private isSaidToBe(known: NamedStatus, token: NumberToken, i: number, statusLike: boolean): boolean {
    if (token.base === 10) return false;
    if (statusLike) return true;
    return token.digits === 16 && this.isTold(known, i);
  }

  /** Does the name before a number have a word of the status's name, or does the message speak of TDX? */
  private isTold(known: NamedStatus, i: number): boolean {
    if (this.about) return true;
    const before = this.tokens
      .slice(Math.max(0, i - 2), i)
      .map((t) => t.word)
      .join("_");
    const telling = before
      .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
      .toLowerCase()
      .split(/[._]/)
      .filter((word) => word.length >= TELLING);
    const words = new Set(known.name.toLowerCase().split("_"));
    return telling.some((word) => words.has(word));
  }

  private otherGiver(value: bigint, call: LeafMention | null, alone: boolean): Giver | null {
    if (IN_LOADER.test(this.text) && (LOADER.has(value) || call === null))
      return value >> 63n === 1n ? "p-seamldr" : null;
    if (IN_TDVMCALL.test(this.text) && TDVMCALL.has(value)) return "tdvmcall";
    if (alone && LOADER.has(value) && !TDVMCALL.has(value) && value > LOADER_BIT + 0xffffn) return "p-seamldr";
    return null;
  }

  /** Eight digits can be the upper half of a status; many other numbers have eight digits too. */
  private upperMeant(
    token: NumberToken,
    i: number,
    statusLike: boolean,
  ): Pick<Found, "status" | "giver" | "cut" | "upperOnly"> | null {
    const value = token.value << 32n;
    const known = this.vocabulary.byUpperHalf.get(upperHalf(value));
    if (known === undefined || value >> 62n === 0n) return this.tokens.length === 1 ? this.cutMeant(token, true) : null;
    const told = this.tokens.length === 1 || (token.prefixed && this.isTold(known, i)) || (statusLike && this.about);
    if (!told) return null;
    const low = this.lowerAfter(i);
    return { status: value | (low ?? 0n), giver: "module", cut: null, upperOnly: low === null };
  }

  /** `0x80000200 00000092`, `0x80000200:0x00000092`: the lower half, where it stands right behind the upper one. */
  private lowerAfter(i: number): bigint | null {
    const [upper, lower] = [this.tokens[i], this.tokens[i + 1]];
    if (upper === undefined || lower === undefined || !/^[ :,]$/.test(this.text.slice(upper.end, lower.start)))
      return null;
    const digits = /^(?:0x)?([0-9a-f]{8})$/i.exec(lower.word)?.[1];
    return digits === undefined ? null : BigInt(`0x${digits}`);
  }

  /** A number at the place of a status that is too short for one: a status of an error has 16 digits, and kernels print them all. */
  private cutMeant(token: NumberToken, alone: boolean): Pick<Found, "status" | "giver" | "cut" | "upperOnly"> | null {
    if (!token.prefixed || token.digits > 15) return null;
    if (!alone && token.digits < 3) return null;
    const upper = token.digits > 8 ? (token.value >> BigInt(4 * (token.digits - 8))) << 32n : null;
    const known = upper === null ? undefined : this.vocabulary.byUpperHalf.get(upperHalf(upper));
    return {
      status: known === undefined ? null : upper,
      giver: "module",
      cut: token.digits,
      upperOnly: known !== undefined,
    };
  }

  private addOutput(token: NumberToken, i: number): void {
    const label = this.tokens[i - 1];
    if (label?.kind !== "word") return;
    const name = label.lower.replace(/^r0(?=\d)/, "r");
    if (!(name in this.outputs))
      this.outputs[name] = token.prefixed || token.base === 10 ? token.word : `0x${token.word}`;
  }

  private readName(status: NamedStatus, i: number): void {
    const token = this.tokens[i] as Token;
    const same = this.found.some((f) => f.status !== null && upperHalf(f.status) === upperHalf(status.value));
    if (same) return;
    const operand = this.operandAfter(i);
    const value = status.value | BigInt(operand ?? 0);
    const giver = isLinux(value) ? "linux" : "module";
    this.found.push({
      status: value,
      giver,
      call: this.callAt(token.start),
      cut: null,
      upperOnly: giver === "module" && operand === null && (value & 0xffff_ffffn) === 0n,
      printed: false,
      alone: false,
      isKnown: true,
      at: token.start,
      base: null,
    });
  }

  /** `| TDX_OPERAND_ID_SEPT`, `-OPERAND_ID_RAX`, `| RCX`, `(1)` of Rust after the name of a status; or some words further, where one is "operand". */
  private operandAfter(i: number): number | null {
    const [token, next] = [this.tokens[i], this.tokens[i + 1]];
    if (token === undefined || next === undefined) return null;
    const gap = this.text.slice(token.end, next.start);
    if (next.kind === "number") {
      const isAdded = ADDED_TO_NAME.test(gap) || (gap === "(" && this.text[next.end] === ")");
      return isAdded ? lowHalf(next) : null;
    }
    const isJoined = /^[\s)"'`]*\|[\s("'`]*$/.test(gap);
    return this.operandNamed(next, isJoined) ?? this.operandTold(i);
  }

  private operandNamed({ word }: Token, isSaid: boolean): number | null {
    const id = /^(?:tdx_)?operand_id_(\w+)$/i.exec(word)?.[1];
    if (id === undefined && !isSaid) return null;
    return this.vocabulary.operands.get((id ?? word).toLowerCase()) ?? null;
  }

  /** "… with operand id TDX_OPERAND_ID_SEPT", "… on operand TDR", "…, operand 128" */
  private operandTold(i: number): number | null {
    let isSaid = false;
    for (let j = i + 1; j <= i + NEAR_OPERAND; j++) {
      const [before, token] = [this.tokens[j - 1] as Token, this.tokens[j]];
      if (token === undefined || /[;.]\s/.test(this.text.slice(before.end, token.start))) return null;
      if (token.kind === "number") return isSaid ? lowHalf(token) : null;
      const named = this.operandNamed(token, isSaid);
      if (named !== null) return named;
      if (token.kind !== "word" || !(OPERAND_WORDS.has(token.lower) || FILLERS.has(token.lower))) return null;
      isSaid ||= token.lower === "operand";
    }
    return null;
  }

  private readWording(): void {
    for (const { pattern, needs, status, leaf } of WORDINGS) {
      const match = pattern.exec(this.text);
      if (match === null || (needs !== null && !needs.test(this.text))) continue;
      const guest = match.groups?.["guest"];
      const name = guest === undefined ? leaf : (this.vocabulary.guestLeaves.get(Number(guest)) ?? null);
      const word = name ?? (guest === undefined ? null : `TDCALL ${guest}`);
      const said = this.calls.at(0)?.mention ?? null;
      const call = word === null ? said : { word, leaf: name, version: null, assumed: false, loader: null };
      const giver = status !== null && isLinux(status) ? "linux" : "module";
      const upperOnly = giver === "module" && status !== null;
      const told = { printed: true, alone: false, isKnown: true };
      this.found.push({ status, giver, call, cut: null, upperOnly, ...told, at: match.index, base: null });
      return;
    }
  }

  private isRegisters(): boolean {
    if (this.found.length > 0 || this.calls.length > 0 || Object.keys(this.outputs).length === 0) return false;
    // A number at the start is the rest of something.
    if (/^(?:\d|[0-9a-f]{5,}$)/i.test(this.tokens[0]?.word ?? "")) return false;
    const words = this.tokens.filter((t) => t.kind !== "number");
    const foreign = words.filter((t) => t.kind !== "word" || !OUTPUTS.has(t.lower));
    return (
      foreign.length <= 4 && !foreign.some((t) => t.kind !== "word" || OTHER_LABELS.has(t.lower) || t.lower === "rax")
    );
  }

  private isOpen(): boolean {
    const last = this.tokens.at(-1);
    if (last === undefined) return false;
    if (this.found.length === 0) return this.calls.length > 0 || this.about;
    if (this.lastCut !== null && this.lastCut === last) return true;
    if (/\|\s*$/.test(this.text)) return true;
    return this.found.some((f) => f.call === null);
  }
}

/** `TDX_OPERAND_BUSY | 0x92`: a low half, written as a number. */
const ADDED_TO_NAME = /^\s{0,4}[|+]\s{0,4}$/;
const OPERAND_WORDS: ReadonlySet<string> = new Set(["operand", "id", "on", "for", "in", "and"]);

/** Linux's own half of the address space; its last page are error numbers. */
const isKernelAddress = ({ value }: NumberToken): boolean =>
  value >> 47n === 0x1ffffn && value >> 12n !== 0xfffff_ffff_ffffn;

/** A number as the low half of a status; null for one that is longer. */
const lowHalf = ({ value }: NumberToken): number | null => (value < 1n << 32n ? Number(value) : null);

function named(token: LeafToken): LeafMention {
  return { word: token.word, leaf: token.leaf, version: null, assumed: false, loader: null };
}

/** Leaf number in bits 15:0, version in 23:16; of the P-SEAMLDR bit 63 and a small number. */
function isLeafNumber({ value }: NumberToken): boolean {
  return value < 1n << 24n || (value >= LOADER_BIT && value - LOADER_BIT < 0x100n);
}
