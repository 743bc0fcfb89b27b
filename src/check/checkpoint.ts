/**
 * A search written to bytes and taken up again, for whoever stores the bytes. A resumed search ends with the same result.
 *
 * Only the search for states is written, not the shortening of traces or the deciding of liveness that follow it: a check that is
 * resumed from a finished search does those again.
 *
 * Layout: "SLCK", the header's length in 4 bytes (little endian), the header as JSON, the records of every part, and a SHA-256 digest of
 * all that comes before it.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { version as release } from "../../package.json";
import { SeamlockError } from "../errors.ts";
import type { Model } from "../language/index.ts";
import { type CheckOptions, startSearch } from "./check.ts";
import type { Search } from "./search.ts";
import type { Event, SearchPlace } from "./space.ts";

const MAGIC = new TextEncoder().encode("SLCK");
const START = MAGIC.length + 4;
const DIGEST = 32;
const VERSION = 8;

interface Header {
  readonly version: typeof VERSION;
  /** Which build: another one may number states otherwise, or find something else in them. */
  readonly build: string;
  readonly model: string;
  /** Bytes of a stored state. */
  readonly recordBytes: number;
  /** By memory. */
  readonly parts: readonly SearchPlace[];
  readonly transitions: number;
  readonly depth: number;
  readonly seconds: number;
  /** Of the levels that are done, and what the level under way has met. */
  readonly findings: Search["settled"];
  readonly events: readonly Event[];
  readonly ran: readonly number[];
  readonly busy: readonly number[];
  readonly met: readonly number[];
}

/** A digest of everything that decides what the state numbers mean. */
function fingerprint(search: Search): string {
  const { model, reductions } = search.prepared;
  const { symmetric, scalar, folded } = reductions;
  const text = JSON.stringify([
    model,
    [...symmetric],
    scalar.map(({ name }) => name),
    folded.map((labels) => [...labels]),
  ]);
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

/**
 * The search as pieces of bytes, to be written one after another. They share memory with the search: write them before it goes on.
 *
 * @param build which build of seamlock this is, for a caller that knows more of it than its release
 */
export function checkpoint(search: Search, build: string = release): Uint8Array[] {
  const { store, code } = search;
  const header: Header = {
    version: VERSION,
    build,
    model: fingerprint(search),
    recordBytes: code.recordBytes,
    parts: store.places,
    transitions: search.transitions,
    depth: search.depth,
    seconds: search.seconds,
    findings: search.settled,
    events: store.events(),
    ran: [...store.ran],
    busy: [...store.busy],
    met: [...store.met],
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(START);
  start.set(MAGIC);
  new DataView(start.buffer).setUint32(MAGIC.length, text.length, true);
  const pieces = [start, text, ...store.parts.map((space) => space.records())];
  const hash = sha256.create();
  for (const piece of pieces) hash.update(piece);
  return [...pieces, hash.digest()];
}

const unusable = (
  why: string,
  hint = "start the check again without it, or give the model and options that wrote it",
) => new SeamlockError("SL4103", `the checkpoint cannot be used: ${why}`, { hint });

const ofAnotherBuild = (build: string, own: string) =>
  unusable(
    `it was made by another build (${build}; this one is ${own})`,
    "start the check again without it, or go on with the seamlock that wrote it",
  );

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** The header and the records, once the digest has shown that both are as they were written. */
function contents(bytes: Uint8Array): { header: Header; records: Uint8Array } {
  if (bytes.length === 0) throw unusable("it is empty");
  if (bytes.length < START + DIGEST || !isSame(bytes.subarray(0, MAGIC.length), MAGIC))
    throw unusable("it is no checkpoint, or one of another version of seamlock");
  const end = bytes.length - DIGEST;
  if (!isSame(sha256(bytes.subarray(0, end)), bytes.subarray(end)))
    throw unusable("it is damaged: its digest is another one than that of its content");
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(START, START + size))) as Header;
  if (header.version !== VERSION) throw unusable("it is of another version of seamlock");
  return { header, records: bytes.subarray(START + size, end) };
}

/**
 * Continue from a checkpoint of the same model and reductions. Pass the search to `check` as `search`.
 *
 * @param build as `checkpoint` was given it
 * @throws SeamlockError SL4103 when the bytes are not, to the last one, what `checkpoint` of the same build gave for this model and these
 *   reductions, or there is no memory for its states
 */
export function resume(model: Model, bytes: Uint8Array, options: CheckOptions = {}, build: string = release): Search {
  const { header, records } = contents(bytes);
  if (header.build !== build) throw ofAnotherBuild(header.build, build);
  try {
    return restored(model, header, records, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw unusable(
      "there is no memory for its states",
      "go on with fewer threads (--workers), each of which takes some, or where there is more memory",
    );
  }
}

function restored(model: Model, header: Header, records: Uint8Array, options: CheckOptions): Search {
  const search = startSearch(model, { ...options, parts: header.parts.length });
  if (header.model !== fingerprint(search)) throw unusable("it is of another model or other options");
  let at = 0;
  const pieces = header.parts.map(({ count }) => {
    const from = at;
    at += (count - 1) * header.recordBytes;
    return records.subarray(from, at);
  });
  search.restore(header, pieces);
  return search;
}
