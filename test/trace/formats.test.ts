/** Recordings as real recorders print them; the lines of bpftrace, perf and tracefs are from recordings of a program with try-locks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SeamlockError } from "../../src/errors.ts";
import { type Call, FORMAT_NAMES, Recording } from "../../src/trace/index.ts";
import { catalogOf, record } from "./recorded.ts";

async function read(text: string): Promise<{ calls: Call[]; document: ReturnType<Recording["finish"]> }> {
  const calls: Call[] = [];
  const recording = new Recording({ catalog: await catalogOf("1.5.25"), onCall: (call) => calls.push(call) });
  recording.push(text);
  const document = recording.finish();
  return { calls, document };
}

const short = ({ leaf, begin, end, cpu, tid, td, gpa, level, status }: Call) =>
  [leaf, begin, end, cpu, tid, td, gpa, level, status] as const;

const S = 7576e9;

it("perf script, with lost events", async () => {
  const { calls, document } = await read(`
      trace-host 25251 [001]  7576.888614240:               seamlock:tdh_mem_page_aug: (55b9bc28a159) td=0xffff888100140000 gpa=0x100200000 pg_level=0x2 pfn=0x99
      trace-host 25251 [001]  7576.888624008:       seamlock:tdh_mem_page_aug__return: (55b9bc28a159 <- 55b9bc28a216) status=0x8000020000000092
      trace-host 25249 [001]  7576.888630000: PERF_RECORD_LOST lost 12
             qemu 25249 [001]  7576.888633315:  kvm:kvm_entry: vcpu 0, rip 0x0 intr_info 0x00000000 error_code 0x00000000
             qemu 25249 [001]  7576.888642172:  kvm:kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x0
`);
  expect(document.recording).toMatchObject({ format: "perf", lost: 12, unread: 0, resolution: 1 });
  expect(calls.map(short)).toEqual([
    [
      "tdh_mem_page_aug",
      S + 888614240,
      S + 888624008,
      1,
      25251,
      "0xffff888100140000",
      0x100200000,
      1,
      "0x8000020000000092",
    ],
    ["tdh_vp_enter", S + 888633315, S + 888642172, 1, 25249, null, null, null, null],
  ]);
});

it("tracefs and trace-cmd report: flags, names with blanks, a wrapped ring, what each says of lost events", async () => {
  const { calls, document } = await read(`# tracer: nop
#
# entries-in-buffer/entries-written: 109/4800   #P:2
      trace-host-25193   [000] DBZff  7573.764182: tdh_mem_track: (0x556c2eef71b2) td=0xffff888100140000
     CPU 0/KVM x-25193   [000]  7573.764190: tdh_mem_track__return: (0x55 <- 0x56) status=0x0
CPU:0 [LOST 3 EVENTS]
CPU:1 [12 EVENTS DROPPED]
##### CPU 1 buffer started ####
           <...>-7     (   1234) [001] d..2. 7573.764200: tdh_vp_flush: (tdh_vp_flush+0x0/0x60) vp=0xffff888200150000
            qemu-7     [001] d..2. 7573.764205: tdh_vp_flush__return: (a <- b) status=0x8000020000000080
`);
  expect(document.recording).toMatchObject({ format: "ftrace", lost: 15, unread: 0, resolution: 1000 });
  expect(document.diagnostics.map(({ code }) => code)).toContain("SL7107");
  expect(calls.map(short)).toEqual([
    ["tdh_mem_track", 7573764182e3, 7573764190e3, 0, 25193, "0xffff888100140000", null, null, "0x0000000000000000"],
    ["tdh_vp_flush", 7573764200e3, 7573764205e3, 1, 7, null, null, null, "0x8000020000000080"],
  ]);
});

it("trace-cmd report: several files, time between lines, a clock that counts, function_graph", async () => {
  const track = (before: string, time: string): string =>
    `${before}  qemu-1234  [003] d..2. ${time} tdh_mem_track:        (tdh_mem_track+0x0/0x60) td=0xffff888100140000`;
  const { calls, document } = await read(`cpus=4
${track("trace.dat:", " 100.000001:")}
${track("other.dat:", " 100.000005: (+4)    ").replace("track: ", "track__return: ").replace(/td=.*/, "status=0x0")}
${track("", "123456789123:")}
  qemu-1234  [003]  100.000010: funcgraph_entry:        1.234 us   |  tdh_mem_track();
  qemu-1234  [003]  100.000011: funcgraph_entry:        1.234 us   |  other();
  qemu-1234  [003]  100.000012: funcgraph_exit:         1.234 us   |  }
`);
  expect(calls.map(short)).toEqual([
    ["tdh_mem_track", 100_000_001e3, 100_000_005e3, 3, 1234, "0xffff888100140000", null, null, "0x0000000000000000"],
  ]);
  expect(document.recording).toMatchObject({ format: "ftrace", unread: 2, passed: 3 });
  expect(document.diagnostics.map(({ message }) => message.split(": ")[0])).toEqual([
    "a line could not be read, no CPU, time in seconds and event",
    "a line could not be read, its function has no arguments",
  ]);
});

it("function_graph: leaves, nested calls, an end without its beginning, comments, options", async () => {
  const { calls, document } = await read(`# tracer: function_graph
#
#     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS
  12345.678901 |   3)   qemu-1234    |   1.234 us    |  tdh_mem_track(td=0xffff888100140000); /* ret=0x8000020000000092 */
  12345.678910 |   3)   qemu-1234    |               |  tdh_mem_range_block(td=0xffff888100140000, gpa=0x1000, level=1 [PG_LEVEL_4K], ext_err1=0x0, ext_err2=0x0) {
  12345.678912 |   3)   qemu-1234    | + 10.500 us   |    tdh_vp_flush(vp=0xffff888200150000); /* <-tdx_flush_vp+0x1/0x2 ret=0x0 */
  12345.678930 |   3)   qemu-1234    | ! 120.000 us  |  } /* tdh_mem_range_block ret=0x0 */
  12345.678940 |   1)   qemu-77      |  d..1. |   5.000 us    |  } /* tdh_mem_page_remove ret=0x0 */
  12345.678950 |   1)   qemu-77      |               |  /* kvm_entry: vcpu 0, rip 0x0 intr_info 0x0 error_code 0x0 */
  12345.678960 |   1)   qemu-77      |               |  /* kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x0 */
 ------------------------------------------
 |  1)  qemu-77  =>  sshd-1755
`);
  expect(document.recording).toMatchObject({ format: "function-graph", unread: 0 });
  const us = 12345678901e3;
  expect(calls.map(short)).toEqual([
    ["tdh_mem_track", us, us + 1234, 3, 1234, "0xffff888100140000", null, null, "0x8000020000000092"],
    ["tdh_vp_flush", us + 11000, us + 21500, 3, 1234, "0xffff888100140000", null, null, "0x0000000000000000"],
    ["tdh_mem_range_block", us - 91000, us + 29000, 3, 1234, "0xffff888100140000", 0x1000, 0, "0x0000000000000000"],
    ["tdh_mem_page_remove", us + 34000, us + 39000, 1, 77, null, null, null, "0x0000000000000000"],
    ["tdh_vp_enter", us + 49000, us + 59000, 1, 77, null, null, null, null],
  ]);
});

it("bpftrace: call chains, lost lines by their numbers, cut-off lines", async () => {
  const { calls, document } = await read(`Attaching 5 probes...
b 1 1000 7.3.0
l tdh_mem_track tdh_mem_range_block
c 7 0 25453 7580880444212 7580880452257 tdh_mem_track 140 - - - - 80000200000000a9
s 0
        tdx_track+70
        tdx_sept_remove_private_spte+138

c 9 0 25455 7580880498544 7580880508753 tdh_mem_range_block 140 - 100000000 0 - 0
Lost 1 events
c 10 0 25454 7580880551163 75808`);
  expect(document.recording).toMatchObject({ format: "bpftrace", kernel: "7.3.0", lost: 8, unread: 1 });
  expect(document.busy.paths).toEqual([
    { leaf: "tdh_mem_track", chain: ["tdx_track", "tdx_sept_remove_private_spte"], count: 1 },
  ]);
  expect(calls.map(({ gpa }) => gpa)).toEqual([null, 0x100000000]);
});

it("bpftrace: what a CPU's last lines would have told is missed, by the numbers that are printed at the end", async () => {
  const lines = (next: number): string => `b 1 0 7.3.0
c 0 0 25453 7580880444212 7580880452257 tdh_mem_track 140 - - - - 0
Attached 57 probes
z 7580980444212
@seq[0]: ${next}
@seq[1]: 2
@other[1]: 7
`;
  expect((await read(lines(1))).document.recording).toMatchObject({ lost: 2, unread: 0, passed: 2 });
  expect((await read(lines(4))).document.recording).toMatchObject({ lost: 5, unread: 0, passed: 2 });
});

it("bpftrace: a call that could not be noted is missing, of any CPU", async () => {
  const call = (seq: number, at: number): string => `c ${seq} 0 7 ${at} ${at + 900} tdh_mem_track 140 - - - - 0`;
  const warning = "stdin:40:3-30: WARNING: Map full; can't update element. Try increasing max_map_keys config";
  const { document } = await read(
    `b 1 0 7.3\n${call(0, 1000)}\n${warning}\nAdditional Info - helper: 2\n${call(1, 3000)}\n`,
  );
  expect(document.recording).toMatchObject({ lost: 1, unread: 0, passed: 1, calls: 2 });
});

it("perf script: the process beside the task, call chains and addresses", async () => {
  const { calls, document } =
    await read(`       CPU 0/KVM  1200/1234  [001]  7576.888614240:               seamlock:tdh_mem_track: (55b9bc28a159) td=0xffff888100140000
\tffffffff81000000 tdh_mem_track+0x0 ([kernel.kallsyms])
\tffffffff81000123 tdx_track+0x46 ([kernel.kallsyms])

       CPU 0/KVM  1200/1234  [001]  7576.888624008:       seamlock:tdh_mem_track__return: (55b9bc28a159 <- 55b9bc28a216) status=0x0 ffffffff81000000 tdh_mem_track+0x0 ([kernel.kallsyms])
       CPU 0/KVM  1200/1234  [001]  7576.8886
`);
  expect(document.recording).toMatchObject({ format: "perf", unread: 0 });
  expect(calls.map(short)).toEqual([
    ["tdh_mem_track", S + 888614240, S + 888624008, 1, 1234, "0xffff888100140000", null, null, "0x0000000000000000"],
  ]);
});

describe("empty lines", () => {
  const doubts = async (lines: readonly string[]) => (await read(lines.join("\n"))).document.busy.shown[0]?.doubts;
  const busy = "0x80000200000000a9";

  it("end a call chain of perf; another one may have been an event", async () => {
    const event = (at: string, cpu: number, text: string): string => `qemu ${70 + cpu} [00${cpu}] ${at}: ${text}`;
    const chain = ["\tffffffff81000000 tdx_track+0x46 ([kernel.kallsyms])", ""];
    const lines = [
      event("5.000001", 1, "seamlock:tdh_mem_track: (ff) td=0xffff888100140000"),
      ...chain,
      event("5.000002", 1, `seamlock:tdh_mem_track__return: (ff <- fe) status=${busy}`),
    ];
    expect(await doubts(lines)).not.toContain("lost");
    expect(await doubts([...lines, "", event("5.000003", 1, "sched:sched_switch: a ==> b")])).toContain("lost");
    expect(await doubts([...lines, event("5.000003", 1, "kvm:")])).toContain("lost");
    expect(await doubts([...lines, ...chain, "  "])).toContain("lost");
  });

  it("stand around a rule of function_graph; another one may have been an event", async () => {
    const track = `  5.000001 |   1)  qemu-71 |   1.234 us    |  tdh_mem_track(td=0xffff888100140000); /* ret=${busy} */`;
    const rule = " ------------------------------------------";
    const switching = ["", rule, " 1)    qemu-71    =>    qemu-72   ", rule, ""];
    expect(await doubts([track, ...switching, track])).not.toContain("lost");
    expect(await doubts([track, ...switching, "", track])).toContain("lost");
    expect(await doubts([track, "", track])).toContain("lost");
    expect(await doubts([track, track, ""])).not.toContain("lost");
    expect(await doubts([track, track, "", ""])).toContain("lost");
    expect(await doubts([track, "  5.000009 |   1)  qemu-71 |   1.234 us    |  kfree("])).toContain("lost");
    expect(await doubts([track, "  5.000009 |   1)  qemu-71 |   1.234 us    |  kfree(a=1);"])).not.toContain("lost");
  });
});

describe("hostile text", () => {
  const starts = [
    "b 1 0 x\n",
    '{"recording":"seamlock@1"}\n',
    "# tracer: function_graph\n#   FUNCTION CALLS\n",
    "# tracer: nop\n",
    " qemu 1 [000] 1.000000: x: y\n",
  ];
  const words = fc.constantFrom(
    ...[
      "c",
      "e",
      "x",
      "s",
      "z",
      "l",
      "Lost",
      "events",
      "tdh_mem_track",
      "tdh_vp_enter",
      "kvm_entry:",
      "kvm_exit:",
      "[000]",
      "[LOST",
    ],
    ...[
      "EVENTS]",
      "CPU:1",
      "|",
      "3)",
      "us",
      "{",
      "}",
      "/*",
      "*/",
      "ret=0x0",
      "td=0x1",
      "-",
      "\n",
      "\n",
      " ",
      "1.000000:",
      "\u0000",
    ],
    ...[
      '{"call":"tdh_mem_track","at":[1,2],"cpu":0}\n',
      '{"exit":1,"at":1e308,"cpu":0}\n',
      '{"lost":9e99}\n',
      "0",
      "99999999999999999999",
    ],
  );
  const text = fc.array(fc.oneof(words, fc.nat().map(String), fc.string({ maxLength: 5 })), { maxLength: 120 });

  it("ends in a document or in a SeamlockError", { timeout: 60_000 }, async () => {
    const catalog = await catalogOf("1.5.25");
    fc.assert(
      fc.property(fc.constantFrom(...starts), text, fc.nat(50), (start, parts, cut) => {
        const recording = new Recording({ catalog });
        try {
          const all = `${start}${parts.join(" ")}`;
          recording.push(all.slice(0, cut));
          recording.push(all.slice(cut));
          const { recording: r } = recording.finish();
          expect(r.unread + r.passed).toBeLessThanOrEqual(r.lines);
        } catch (error) {
          if (!(error instanceof SeamlockError)) throw error;
        }
      }),
      { numRuns: 40 },
    );
  });

  it("without line ends does not fill the memory", async () => {
    const recording = new Recording({ catalog: await catalogOf("1.5.25"), format: "bpftrace" });
    for (let i = 0; i < 500; i++) recording.push("c".repeat(10_000));
    expect(recording.finish().diagnostics.map(({ code }) => code)).toContain("SL7102");
  });

  it("calls that never end, of tasks without number, are bounded", { timeout: 60_000 }, async () => {
    const recording = new Recording({ catalog: await catalogOf("1.5.25"), format: "ndjson" });
    for (let i = 0; i < 40_000; i++) recording.push(`{"enter":1,"at":${i},"cpu":${i},"tid":${i + 1},"td":"0x${i}"}\n`);
    expect(recording.finish().recording.open).toBeLessThan(20_000);
  });
});

it("a piece is written over once it was read, and may be cut anywhere", async () => {
  const { text } = await record({ scenario: "page-removal", module: "1.5.05", runs: 2, steps: 300 });
  const catalog = await catalogOf("1.5.05");
  const whole = new Recording({ catalog });
  whole.push(text);
  const expected = whole.finish();
  expect(expected.recording.calls).toBe(80);
  for (const size of [1, 7, 4096]) {
    const recording = new Recording({ catalog });
    const buffer = Buffer.alloc(size);
    for (let at = 0; at < text.length; at += size)
      recording.push(buffer.subarray(0, buffer.write(text.slice(at, at + size), "latin1")));
    expect(recording.finish()).toEqual(expected);
  }
});

it("every form has a name", () => expect(new Set(FORMAT_NAMES).size).toBe(FORMAT_NAMES.length));

it("ndjson: any way of writing JSON, and what no event has", async () => {
  const track = '"call":"tdh_mem_track","cpu":3,"tid":8,"td":"0x14"';
  const { calls, document } = await read(`{"recording":"seamlock@1","began":0}
{${track},"at":[1000,2000],"status":"0x80000200000000A9"}
 { "call" : "tdh_mem_\\u0074rack", "at": [ 3e3, 4000.5 ], "cpu": 3, "extra": {"a": [1, "}"]}, "td": "0x14" }
{${track},"at":[5000,6000],"gpa":"0X1000","level":1,"page":null,"more":null,"list":[1,2]}
{${track},"at":[5000,6000],"page":"0xzz"}
{${track},"at":[5000,6000],"status":"busy"}
{${track},"at":[5000,6000],"vp":7}
{${track},"at":[5000,6000],"level":-1}
{${track},"at":[8000,7000]}
{${track},"at":[8000]}
{${track},"at":[08000,9000]}
{"call":"tdh_mem_track","at":[1,2]}
{"lost":"many"}
{${track},"at":[1000,2000],"status":"0x8000
["call"]
{"lost":3,"cpu":1}
`);
  expect(calls.map(short)).toEqual([
    ["tdh_mem_track", 1000, 2000, 3, 8, "0x14", null, null, "0x80000200000000A9"],
    ["tdh_mem_track", 3000, 4000.5, 3, -1, "0x14", null, null, null],
    ["tdh_mem_track", 5000, 6000, 3, 8, "0x14", 0x1000, 1, null],
  ]);
  expect(document.recording).toMatchObject({ format: "ndjson", unread: 11, lost: 3 });
});

it("an operand or a status that is damaged is not taken for another one", async () => {
  const perf = (at: number, event: string) => `qemu 7 [001] 5.00000${at}000: seamlock:${event}`;
  const { calls, document } = await read(`${perf(1, "tdh_mem_track: (ff) td=0xffff888100140000")}
${perf(2, "tdh_mem_track__return: (ff <- fe) status=0x0")}
${perf(3, "tdh_mem_track: (ff) td=0\u0000\u0007?@#888100140000")}
${perf(4, "tdh_mem_track: (ff) td=0xffff888100140")}
${perf(5, "tdh_mem_page_aug: (ff) td=0xffff888100140000 gpa=0x1@00 pg_level=0x1")}
${perf(6, "tdh_mem_track: (ff) td=0xffff888100140000")}
${perf(7, "tdh_mem_track__return: (ff <- fe) status=0x80@0020000000092")}
`);
  expect(document.recording.unread).toBe(4);
  expect(document.diagnostics.filter(({ message }) => message.includes("operand is damaged"))).toHaveLength(4);
  expect(calls.map(({ leaf, begin, status, td }) => [leaf, begin - 5e9, status, td])).toEqual([
    ["tdh_mem_track", 1000, "0x0000000000000000", "0xffff888100140000"],
    ["tdh_mem_track", 6000, null, "0xffff888100140000"],
  ]);
});

describe("function_graph, every option that changes a line (print_graph_prologue, _duration, _retval, _irq of the kernel)", () => {
  const OPTIONS = ["proc", "latency", "overhead", "duration", "tail", "retval", "retaddr", "args"] as const;
  type Option = (typeof OPTIONS)[number];

  /** What the kernel prints, with funcgraph-abstime and funcgraph-cpu, for a leaf, one with another in it, and an interrupt's marks. */
  const printed = (on: ReadonlySet<Option>): string => {
    const if_ = (option: Option, text: string): string => (on.has(option) ? text : "");
    const prologue = (time: string, duration: string): string =>
      `${time} |   3) ${if_("proc", "CPU 0/K-1234   | ")}${if_("latency", " d.h1. | ")}${if_("duration", duration)}`;
    const lasted = (mark: string, text: string): string => `${on.has("overhead") ? mark : " "} ${text}|  `;
    const none = "              |  ";
    const given = (text: string): string => (on.has("args") ? text : "");
    const from = if_("retaddr", " <-tdx_flush_vp+0x1b/0x60");
    const comment = (text: string): string => (on.has("retval") || on.has("retaddr") ? ` /*${from}${text} */` : "");
    const result = (text: string): string => if_("retval", ` ret=${text}`);
    const end = (name: string, text: string): string =>
      on.has("retval") ? `} /* ${name}${result(text)} */` : on.has("tail") ? `} /* ${name} */` : "}";
    const opens = if_("retaddr", " /* <-tdx_track+0x1/0x2 */");
    const track = given("td=0xffff888100140000");
    const flush = given("vp=0xffff888200150000");
    return [
      "# tracer: function_graph\n#\n#     TIME        CPU   FUNCTION CALLS",
      `${prologue("  100.000001", lasted("+", "10.500 us "))}tdh_mem_track(${track});${comment(result("0x80000200000000a9"))}`,
      `${prologue("  100.000020", none)}tdh_mem_track(${track}) {${opens}`,
      `${prologue("  100.000021", `  ==========>${if_("duration", " |")}`)}${on.has("duration") ? "" : "==========>"}`,
      `${prologue("  100.000022", lasted(" ", "2.000 us  "))}  tdh_vp_flush(${flush});${comment(result("0x0"))}`,
      `${prologue("  100.000025", "  <========== |")}${on.has("duration") ? "" : "<=========="}`,
      `${prologue("  100.000030", lasted("#", "1234.567 us"))}${end("tdh_mem_track", "0x0")}`,
      " (Overruns: 0)",
      "",
    ].join("\n");
  };

  it("reads what is there, and says what is not", async () => {
    const catalog = await catalogOf("1.5.25");
    for (let set = 0; set < 2 ** OPTIONS.length; set++) {
      const on = new Set(OPTIONS.filter((_, i) => (set >> i) & 1));
      const calls: Call[] = [];
      const recording = new Recording({ catalog, onCall: (call) => calls.push(call) });
      recording.push(printed(on));
      const { recording: about } = recording.finish();
      const which = [...on].join(" ");
      // Without durations it is not known when a leaf ended; without a name it is not known what did.
      const named = on.has("retval") || on.has("tail");
      const closed = named ? 1 : 0;
      expect(about, which).toMatchObject({ format: "function-graph", unread: on.has("duration") ? 0 : 2, lost: 0 });
      expect([about.calls, about.open], which).toEqual([(on.has("duration") ? 2 : 0) + closed, 1 - closed]);
      const td = on.has("args") ? "0xffff888100140000" : null;
      const status = (text: string): string | null => (on.has("retval") ? text : null);
      const leaf = { leaf: "tdh_mem_track", begin: 100_000_001_000, end: 100_000_011_500, td };
      const outer = { leaf: "tdh_mem_track", td, status: status("0x0000000000000000") };
      const tid = on.has("proc") ? 1234 : -1;
      if (on.has("duration")) {
        expect(calls[0], which).toMatchObject({ ...leaf, tid, cpu: 3, status: status("0x80000200000000A9") });
        expect(calls[1], which).toMatchObject({ leaf: "tdh_vp_flush", end: 100_000_024_000 });
      }
      if (named) expect(calls.at(-1), which).toMatchObject({ ...outer, end: 100_000_030_000 });
    }
  });
});

describe("what is no recording", () => {
  it.each([
    ["PK\u0003\u0004...", "an archive"],
    ["BZh91AY", "compressed"],
    ["\u00ff\u00feb\u0000", "UTF-16"],
    ["\u007fELF\u0002\u0000\u0000", "this is no text"],
    [
      "# kernel 7.3.0\nstdin:1:1-10: ERROR: tdh_mem_track is not traceable",
      "stdin:1:1-10: ERROR: tdh_mem_track is not traceable",
    ],
    ["one\ntwo", "it begins with: one"],
    [" \n\n", "empty"],
  ])("%j", async (text, said) => {
    await expect(read(text)).rejects.toThrow(said);
  });
});

it("a line is told by its number, also among the first ones, from which the form is found out", async () => {
  const cut = "c 1 0 7 10";
  const { document } = await read(
    `b 1 0 7.3\n\n${cut}\nc 2 0 7 99999999999999999999 99999999999999999999 tdh_vp_rd - - - - - 0\n`,
  );
  expect(document.diagnostics.filter(({ code }) => code === "SL7101").map(({ line }) => line)).toEqual([3, 4]);
});

it("a line that ran into the next one does not make damaged ones of those that follow", async () => {
  const call = (at: number, given: string): string =>
    `qemu 7 [001] 5.00000${at}000: seamlock:tdh_mem_track: (ff)${given} td=0xffff888100140000\nqemu 7 [001] 5.00000${at}500: seamlock:tdh_mem_track__return: (ff <- fe) status=0x0`;
  for (const joined of [1, 4]) {
    const lines = [1, 2, 3, 4, 5, 6].map((at) => call(at, at === joined ? " gpa=0x1000" : ""));
    const { calls } = await read(`${lines.join("\n")}\n`);
    // At the beginning it is not known which of the two is the usual.
    expect(calls).toHaveLength(6);
    expect(calls.filter(({ beginUnsure }) => beginUnsure)).toHaveLength(joined === 1 ? 1 : 0);
  }
});
