/** Who is blamed, and how sure that is. */
import { expect, it } from "vitest";
import { Recording } from "../../src/trace/index.ts";
import { catalogOf } from "./recorded.ts";

const EPOCH_BUSY = "0x80000200000000A9";
const MS = 1e6;

/** A vCPU on CPU 0 enters its guest at 1 s and leaves it then; a TRACK on CPU 1 meets it at 1.2 s. */
async function busyAgainst(leaves: number) {
  const recording = new Recording({ catalog: await catalogOf("1.5.25") });
  const line = (value: object): void => recording.push(`${JSON.stringify(value)}\n`);
  const vcpu = { cpu: 0, tid: 10, td: "0x10", vp: "0x20" };
  const exit = { exit: 1, at: leaves, ...vcpu, status: "0x0" };
  const began = 1000 * MS;
  const track = { call: "tdh_mem_track", at: [1200 * MS, 1200 * MS + 900], cpu: 1, tid: 11, td: "0x10" };
  const events: [number, object][] = [
    [began, { enter: 1, at: began, ...vcpu }],
    [1200 * MS + 900, { ...track, status: EPOCH_BUSY }],
    [leaves, exit],
  ];
  // Others go on, so that the recording is read further.
  for (let i = 0; i < 3000; i++) {
    const at = 1201 * MS + i * 0.2 * MS;
    events.push([at, { call: "tdh_vp_rd", at: [at - 500, at], cpu: 2, tid: 12, td: "0x30", status: "0x0" }]);
  }
  line({ recording: "seamlock@1", began: 0, leaves: (await catalogOf("1.5.25")).leaves.map(({ name }) => name) });
  for (const [, event] of events.sort(([a], [b]) => a - b)) line(event);
  line({ ended: 3000 * MS });
  return recording.finish().busy.shown[0];
}

it("a run that ended soon after is blamed for certain", async () => {
  expect(await busyAgainst(1201 * MS)).toMatchObject({ certainty: "certain", oneOfThese: true, doubts: [] });
});

it("one whose end is not seen for long is not: it may have ended, and another begun, which is printed late", async () => {
  expect(await busyAgainst(1700 * MS)).toMatchObject({ certainty: "likely", oneOfThese: false, doubts: ["unsure"] });
});

it("a task's own calls are never to blame for one another, however coarse the times are", async () => {
  const recording = new Recording({ catalog: await catalogOf("1.5.25") });
  const line = (at: string, cpu: number, tid: number, body: string): void =>
    recording.push(`    ${at} |  ${cpu})   qemu-${tid}   |   0.600 us    |  ${body}\n`);
  const flush = (result: string): string => `tdh_vp_flush(vp=0xffff888200150000); /* ret=${result} */`;
  line("1.000000", 0, 9, flush("0x0"));
  line("1.500000", 0, 10, flush("0x0"));
  line("1.500001", 0, 10, flush("0x8000020000000001"));
  line("2.500000", 0, 10, flush("0x0"));
  line("2.500001", 1, 11, flush("0x8000020000000001"));
  line("3.500001", 1, 11, flush("0x0"));
  const [own, of] = recording.finish().busy.shown;
  expect(own).toMatchObject({ certainty: "none", culprits: [] });
  // Of another task it may be.
  expect(of?.culprits).toMatchObject([{ leaf: "tdh_vp_flush", calls: [{ tid: 10 }] }]);
});

it("what cannot be of one call, and what the module does not have", async () => {
  const recording = new Recording({ catalog: await catalogOf("1.5.25") });
  const line = (value: object): void => recording.push(`${JSON.stringify(value)}\n`);
  const run = { cpu: 0, tid: 10, td: "0x10", vp: "0x20" };
  line({ recording: "seamlock@1", began: 0 });
  line({ enter: 1, at: 900 * MS, ...run });
  line({ exit: 1, at: 901 * MS, ...run, vp: "0x2", status: "0x0" });
  const track = { call: "tdh_mem_track", cpu: 1, tid: 11, td: "0x10" };
  line({ ...track, at: [1000 * MS, 1000 * MS + 900], status: "0x8000020000000" });
  line({ ...track, at: [1100 * MS, 1100 * MS + 900], status: "0x8000FF00FFFF0000" });
  // A status made fatal, and one with the hint that the host can do something about it.
  line({ ...track, at: [1200 * MS, 1200 * MS + 900], status: "0xE0000E0000000000" });
  line({ ...track, at: [1300 * MS, 1300 * MS + 900], status: "0x9000020000000001" });
  line({ ended: 3000 * MS });
  const { diagnostics, recording: about } = recording.finish();
  // The one who entered and the one who left are two.
  expect(about).toMatchObject({ calls: 6, unmatched: 2 });
  expect(diagnostics.filter(({ code }) => code === "SL7112").map(({ message }) => message)).toEqual([
    "1 statuses are none of module 1.5.25: tdh_mem_track returns 0x0008000020000000",
  ]);
});

it("a call of a leaf that the catalog does not have may have held anything", async () => {
  const recording = new Recording({ catalog: await catalogOf("1.5.25") });
  const line = (value: object): void => recording.push(`${JSON.stringify(value)}\n`);
  const leaves = (await catalogOf("1.5.25")).leaves.map(({ name }) => name);
  line({ recording: "seamlock@1", began: 0, leaves });
  for (const at of [1000, 1400]) {
    const run = { cpu: 0, tid: 10, td: "0x10", vp: "0x20" };
    line({ enter: 1, at: at * MS, ...run });
    const track = { call: "tdh_mem_track", cpu: 1, tid: 11, td: "0x10", status: EPOCH_BUSY };
    line({ ...track, at: [(at + 1) * MS, (at + 1) * MS + 900] });
    if (at > 1000) line({ call: "tdh_mem_trick", at: [at * MS, (at + 1.5) * MS], cpu: 2, tid: 12, status: "0x0" });
    line({ exit: 1, at: (at + 2) * MS, ...run, status: "0x0" });
  }
  line({ ended: 3000 * MS });
  const [sure, unsure] = recording.finish().busy.shown;
  expect(sure).toMatchObject({ certainty: "certain", doubts: [] });
  expect(unsure).toMatchObject({ certainty: "likely", doubts: ["lost"] });
});

it("of a call whose beginning is not recorded no time is counted that nobody knows", async () => {
  const recording = new Recording({ catalog: await catalogOf("1.5.25") });
  const line = (value: object): void => recording.push(`${JSON.stringify(value)}\n`);
  const vcpu = { cpu: 0, tid: 10, td: "0x10", vp: "0x20" };
  line({ recording: "seamlock@1", began: 0, leaves: ["tdh_vp_enter"] });
  line({ exit: 1, at: 1000 * MS, ...vcpu, status: EPOCH_BUSY });
  line({ enter: 1, at: 1000 * MS + 100, ...vcpu });
  line({ exit: 1, at: 1000 * MS + 300, ...vcpu, status: EPOCH_BUSY });
  line({ enter: 1, at: 1000 * MS + 500, ...vcpu });
  line({ exit: 1, at: 1001 * MS, ...vcpu, status: "0x0" });
  line({ ended: 3000 * MS });
  const { lost, worst } = recording.finish().episodes;
  expect(lost).toBe(500);
  expect(worst).toMatchObject([{ leaf: "tdh_vp_enter", begin: 1000 * MS, lost: 500, tries: 3, outcome: "done" }]);
});

it("of a recording that is out of order no time is counted backwards", async () => {
  const recording = new Recording({ catalog: await catalogOf("1.5.25") });
  const track = { call: "tdh_mem_track", cpu: 1, tid: 11, td: "0x10" };
  const line = (value: object): void => recording.push(`${JSON.stringify(value)}\n`);
  line({ recording: "seamlock@1", began: 0, leaves: ["tdh_mem_track"] });
  line({ ...track, at: [1000 * MS, 1000 * MS + 900], status: EPOCH_BUSY });
  // Others go on, so that what comes then comes late.
  for (let i = 0; i < 3000; i++) {
    const at = 1001 * MS + i * 0.2 * MS;
    line({ call: "tdh_vp_rd", at: [at - 500, at], cpu: 2, tid: 12, td: "0x30", status: "0x0" });
  }
  line({ ...track, at: [900 * MS, 900 * MS + 900], status: "0x0" });
  line({ ended: 3000 * MS });
  expect(recording.finish().episodes).toMatchObject({ count: 1, lost: 0 });
});

it("a recording that says when it began and not when it ended is told to have no end", async () => {
  const told = async (...lines: readonly object[]): Promise<readonly string[]> => {
    const recording = new Recording({ catalog: await catalogOf("1.5.25") });
    for (const line of lines) recording.push(`${JSON.stringify(line)}\n`);
    return recording.finish().diagnostics.map(({ code }) => code);
  };
  const began = { recording: "seamlock@1", began: 0, leaves: ["tdh_mem_track"] };
  const call = { call: "tdh_mem_track", at: [MS, 2 * MS], cpu: 1, tid: 11, td: "0x10", status: "0x0" };
  expect(await told(began, call)).toEqual(["SL7114"]);
  expect(await told(began, call, { ended: 3 * MS })).toEqual([]);
  expect(await told(call)).toEqual([]);
});
