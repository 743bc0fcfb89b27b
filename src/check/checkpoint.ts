/** A search written to bytes and taken up again. The caller stores the bytes; a resumed search ends with the same result. */
import { SeamlockError } from "../errors.ts";
import type { Model } from "../language/index.ts";
import { type CheckOptions, startSearch } from "./check.ts";
import { CONTROL } from "./kernel.ts";
import type { Search } from "./search.ts";

interface Header {
  readonly version: 2;
  readonly model: string;
  /** 32-bit words of a record: a state's, and its parent's number. */
  readonly record: number;
  /** By part of a search that is divided among threads; else of the only one. */
  readonly parts: readonly { readonly count: number; readonly head: number; readonly levelEnd: number }[];
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
  readonly findings: Search["findings"];
  readonly ran: readonly number[];
  readonly busy: readonly number[];
  readonly met: readonly number[];
}

/** A fingerprint of everything that decides what the state numbers mean. FNV-1a over the text; it guards against mistakes, not malice. */
function fingerprint(search: Search): string {
  const { model, reductions } = search.prepared;
  const { symmetric, scalar, folded } = reductions;
  const text = JSON.stringify([
    model,
    [...symmetric],
    scalar.map(({ name }) => name),
    folded.map((labels) => [...labels]),
  ]);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${(hash >>> 0).toString(16)}-${text.length}`;
}

/** The search as pieces of bytes, to be written one after another. They share memory with the search: write them before it goes on. */
export function checkpoint(search: Search): Uint8Array[] {
  const { store, code } = search;
  const header: Header = {
    version: 2,
    model: fingerprint(search),
    record: code.record,
    parts: store.parts.map((space) => ({
      count: space.count,
      head: space.control(CONTROL.head),
      levelEnd: space.control(CONTROL.levelEnd),
    })),
    transitions: search.transitions,
    depth: search.depth,
    seconds: search.seconds,
    findings: search.findings,
    ran: [...store.ran],
    busy: [...store.busy],
    met: [...store.met],
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(4);
  new DataView(start.buffer).setUint32(0, text.length, true);
  return [start, text, ...store.parts.map((space) => space.records())];
}

/** Continue from a checkpoint of the same model and reductions. Pass the search to `check` as `search`. */
export function resume(model: Model, bytes: Uint8Array, options: CheckOptions = {}): Search {
  const search = startSearch(model, options);
  const damaged = (why: string) =>
    new SeamlockError("SL4103", `the checkpoint cannot be used: ${why}`, { hint: "start the check again without it" });
  if (bytes.length < 4) throw damaged("it is empty");
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))) as Header;
  } catch {
    throw damaged("its header is unreadable");
  }
  if (header.version !== 2 || header.model !== fingerprint(search))
    throw damaged("it is of another model or other options");
  if (header.parts.length !== search.store.parts.length) throw damaged("it is of another number of workers");
  const lengths = header.parts.map(({ count }) => (count - 1) * header.record * 4);
  if (bytes.length !== lengths.reduce((sum, length) => sum + length, 4 + size)) throw damaged("it is incomplete");
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 4 + size));
  const records = starts.map((start, i) => bytes.subarray(start, start + (lengths[i] as number)));
  search.restore(header, records);
  return search;
}
