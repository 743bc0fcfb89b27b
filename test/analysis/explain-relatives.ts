/** Relatives of a pasted text: the same facts as other loggers, terminals, mail programs and authors would have written them. */

/** A small generator of numbers that is the same on every machine. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof randomOf>;

/** How a text is changed; null where this one cannot be changed so without losing what it says. */
export type Change = (text: string, random: Random) => string | null;

const lines = (text: string, each: (line: string, i: number) => string): string =>
  text.split("\n").map(each).join("\n");
const stamp = (i: number): string => `${1234 + i}.${String(567890 + i).padStart(6, "0")}`;

/** Loggers put their own before a message; a line that another one began already has one. */
const bare = (text: string): boolean => !/^(?:\s*>|\[|\w{3} \d\d |\{)/m.test(text);

const PREFIXES: readonly ((line: string, i: number) => string)[] = [
  (line, i) => `[ ${stamp(i)}] ${line}`,
  (line, i) => `[ ${stamp(i)}] [ T${2000 + i}] ${line}`,
  (line, i) => `<3>[ ${stamp(i)}] ${line}`,
  (line) => `[Wed Oct  1 10:11:12 2025] ${line}`,
  (line, i) => `Oct 01 10:11:${String(12 + i).padStart(2, "0")} host1 kernel: ${line}`,
  (line, i) => `2025-10-01T10:11:${String(12 + i).padStart(2, "0")}.123456+02:00 host1 kernel: ${line}`,
  (line) => `Okt 01 10:11:12 host1 kernel: [ 12.5] ${line}`,
  (line) => `host1 kernel: ${line}`,
  (line, i) => `3,${1234 + i},${1234567890 + i},-;${line}`,
  (line, i) => `kern  :err   : [ ${stamp(i)}] ${line}`,
  (line, i) => `[ ${stamp(i)} <    0.000012>] ${line}`,
  (line, i) => (i === 0 ? `[okt  1 10:11] ${line}` : `[  +0.000012] ${line}`),
  (line) => `[三 10月  1 10:11:12 2025] ${line}`,
  (line) => `10月 01 10:11:12 host1 kernel: ${line}`,
  (line) => JSON.stringify({ PRIORITY: "3", __REALTIME_TIMESTAMP: "1759313472123456", MESSAGE: line }),
  (line) => JSON.stringify({ MESSAGE: [...new TextEncoder().encode(line)] }),
];

const prefixed: Change = (text, random) => {
  if (!bare(text)) return null;
  const prefix = PREFIXES[random(PREFIXES.length)] as (line: string, i: number) => string;
  return lines(text, prefix);
};

const evenlyQuoted: Change = (text, random) => {
  const mark = ["> ", "> > ", ">> ", ">", "    ", "\t", "| "][random(6)] as string;
  return lines(text, (line) => `${mark}${line}`);
};

const coloured: Change = (text) => lines(text, (line) => `\u001b[1;31m${line}\u001b[0m`);
const carriage: Change = (text) => text.replaceAll("\n", "\r\n");

/** Mail programs wrap at blanks; whatever quotes a mail quotes the rest too. */
const wrapped: Change = (text, random) => {
  if (text.includes("\n") || text.length < 40) return null;
  const width = 30 + random(48);
  const words = text.split(" ");
  const rows: string[] = [""];
  for (const word of words) {
    const last = rows.at(-1) as string;
    if (last !== "" && last.length + 1 + word.length > width) rows.push(word);
    else rows[rows.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  const mark = ["", "> ", "> > "][random(3)] as string;
  return rows.map((row) => mark + row).join("\n");
};

/** Terminals cut wherever the line is full. */
const cutLines: Change = (text, random) => {
  if (text.includes("\n") || text.length < 42 || !/failed|failed:/.test(text)) return null;
  const width = Math.max(40, text.length - 2 - random(60));
  return text.match(new RegExp(`.{1,${width}}`, "gs"))?.join("\n") ?? null;
};

const STATUS = /0x[0-9a-f]{16}(?!\w)/gi;
const isStrong = (hex: string): boolean => BigInt(hex) >> 62n !== 0n;

const number =
  (write: (hex: string) => string | null): Change =>
  (text) => {
    let changed = false;
    const result = text.replace(STATUS, (hex) => {
      const other = isStrong(hex) ? write(hex) : null;
      if (other !== null) changed = true;
      return other ?? hex;
    });
    return changed ? result : null;
  };

const upperDigits = number((hex) => `0x${hex.slice(2).toUpperCase()}`);
const withSuffix = number((hex) => `${hex}ULL`);
const withRustSuffix = number((hex) => `${hex}_u64`);
const grouped = number((hex) => `${hex.slice(0, 10)}_${hex.slice(10)}`);
const withoutPrefix = number((hex) => hex.slice(2));
const decimal = number((hex) => BigInt(hex).toString());
const signed = number((hex) => BigInt.asIntN(64, BigInt(hex)).toString());

const upperCase: Change = (text) =>
  /[a-z]{4}/.test(text) && !/[{"]/.test(text) ? text.toUpperCase().replaceAll("0X", "0x") : null;
const lowerCase: Change = (text) => (/[A-Z]/.test(text) && !/[{"]|[a-z][A-Z]/.test(text) ? text.toLowerCase() : null);
const dotted: Change = (text) =>
  /TD[HG]_/.test(text) ? text.replaceAll(/TD[HG]_[A-Z_]+/g, (leaf) => leaf.replaceAll("_", ".")) : null;
const lowerLeaf: Change = (text) =>
  /TD[HG][_.]/.test(text)
    ? text.replaceAll(/TD[HG][_.][A-Z_.]+/g, (leaf) => leaf.replaceAll(".", "_").toLowerCase())
    : null;

const NOISE = [
  "usb 1-2: new high-speed USB device number 7 using xhci_hcd",
  "[    0.233091]   node   0: [mem 0x0000000000001000-0x000000000009ffff]",
  'audit: type=1400 audit(1700000000.123:44): apparmor="STATUS"',
  "BUG: kernel NULL pointer dereference, address: 0000000000000090",
  "msr: 0xc0000100 wrmsr 0xc0000103",
  "KVM: unknown exit, hardware reason 80000021",
  "e820: remove [mem 0x80000000-0x8fffffff] usable",
  "",
];
const between: Change = (text, random) => {
  const noise = (): string => NOISE[random(NOISE.length)] as string;
  return `${noise()}\n${text}\n\n${noise()}`;
};
const backticked: Change = (text) => (text.includes("\n") || text.includes("`") ? null : `\`${text}\``);
const inSentence: Change = (text) =>
  text.includes("\n") || !/failed/.test(text) ? null : `on our hosts we see: ${text} (once a day)`;
const repeated: Change = (text) => (bare(text) ? `${text}\n\n${text}` : null);

export const CHANGES: Readonly<Record<string, Change>> = {
  prefixed,
  quoted: evenlyQuoted,
  coloured,
  carriage,
  wrapped,
  cutLines,
  upperDigits,
  withSuffix,
  withRustSuffix,
  grouped,
  withoutPrefix,
  decimal,
  signed,
  upperCase,
  lowerCase,
  dotted,
  lowerLeaf,
  between,
  backticked,
  inSentence,
  repeated,
};
