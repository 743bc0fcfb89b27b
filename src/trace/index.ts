/** Recordings of real hosts: who contended with whom, who held the lock, for how long; and recordings of hosts that never were. */
export { Agree, type Agreement } from "./agree.ts";
export type { Blame, Certainty, Culprit, Doubt } from "./blame.ts";
export type { Call } from "./call.ts";
export { type Recorder, recorder, TOOLS, type Tool } from "./commands.ts";
export {
  agreementSchema,
  type Culprits,
  culpritsSchema,
  recordSchema,
  type TraceDocument,
  traceSchema,
} from "./document.ts";
export { FORMAT_NAMES, type FormatName } from "./formats/index.ts";
export { Perfetto } from "./perfetto.ts";
export { Recording, type RecordingOptions } from "./recording.ts";
export { binaryKind, type Stated, statedIn, UTF16 } from "./stated.ts";
export { INTERRUPTED } from "./tally.ts";
export { NEWEST_RELEASE } from "./wrappers.ts";
export {
  culpritsOf,
  type HostRun,
  hostRun,
  RECORD_FORMATS,
  type RecordFormat,
  type TimedRun,
  type WriteOptions,
  type Written,
  writeRecording,
} from "./write/index.ts";
