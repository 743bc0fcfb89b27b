/** The commands that record: what `seamlock record` prints. They are made from facts about the kernel's release, and run nothing. */
import { shellWord } from "../text.ts";
import { type ArgumentKind, CALLED_LEAVES, ENTER, UNWRAPPED, type Wrapper, wrappersOf } from "./wrappers.ts";

export const TOOLS = ["bpftrace", "trace-cmd", "perf"] as const;
export type Tool = (typeof TOOLS)[number];

export interface RecordOptions {
  readonly tool: Tool;
  /** What `uname -r` prints on the host. */
  readonly release: string;
  /** For how long, in seconds. */
  readonly seconds: number;
  /** File to which the recording goes. */
  readonly output: string;
}

export interface Recorder {
  readonly tool: Tool;
  readonly release: string;
  /** Is the release one that the facts were read from, or between two such? */
  readonly known: boolean;
  /** A shell script; run as root on the host. */
  readonly script: string;
  /** What a recording by this tool shows and what it does not. */
  readonly sees: readonly string[];
  readonly misses: readonly string[];
}

/** @throws SeamlockError SL7001 when the release is none that runs TDs */
export function recorder(options: RecordOptions): Recorder {
  const { wrappers, known } = wrappersOf(options.release);
  const probed = wrappers.filter(({ probe }) => probe);
  const make = { bpftrace: bpftraceScript, "trace-cmd": traceCmdScript, perf: perfScript }[options.tool];
  const { tool, release } = options;
  const sees = SEES[tool];
  const misses = [...MISSES[tool], ...MISSED_BY_ALL];
  return { tool, release, known, sees, misses, script: make(probed, options) };
}

const EVERY_CALL =
  "Every call of KVM's by its wrapper: when it began and ended, its CPU, its task, its operands and its status.";
const RUNS = "When each vCPU went to its guest and came back.";

const SEES: Readonly<Record<Tool, readonly string[]>> = {
  bpftrace: [
    EVERY_CALL,
    `${RUNS} The status of TDH.VP.ENTER, also a BUSY: its wrapper is noinstr and cannot be probed, so KVM's tdx_vcpu_run() around it is.`,
    "TDs, vCPUs and pages as frame numbers, so that a page that is a TDR or TDVPR is recognised; call chains of BUSYs; lines that are lost.",
  ],
  "trace-cmd": [
    `${EVERY_CALL} Times have microseconds, durations nanoseconds.`,
    `${RUNS} (tracepoints kvm_entry and kvm_exit)`,
  ],
  perf: [EVERY_CALL, `${RUNS} (tracepoints kvm_entry and kvm_exit)`],
};

const MISSES: Readonly<Record<Tool, readonly string[]>> = {
  bpftrace: [],
  "trace-cmd": [
    "The status of TDH.VP.ENTER: a BUSY of it is not seen.",
    "Which VM a kvm_entry is of, until the same task has made a call that names its TD; frame numbers: a page that is a TDR or TDVPR is not recognised.",
  ],
  perf: [
    "The status of TDH.VP.ENTER: a BUSY of it is not seen.",
    "Which VM a kvm_entry is of, until the same task has made a call that names its TD; frame numbers: a page that is a TDR or TDVPR is not recognised.",
  ],
};

const MISSED_BY_ALL: readonly string[] = [
  "TDCALLs: what a guest holds is inferred from its running, and from nobody else having held it.",
  "The moments at which the module takes and gives back a lock inside a call.",
];

/** Comments that every script begins with. */
function head({ release, tool }: RecordOptions, words: readonly string[]): string[] {
  return [
    "#!/bin/sh",
    `# Records the calls of KVM into the TDX module with ${tool}, on Linux ${release}. Run it as root on the host, while TDs run.`,
    ...words.map((word) => `# ${word}`),
    "# A recording shows:",
    ...SEES[tool].map((word) => `# - ${word}`),
    "# It does not show:",
    ...[...MISSES[tool], ...MISSED_BY_ALL].map((word) => `# - ${word}`),
    "set -eu",
    "",
  ];
}

/** Comments in the recording by which `trace` chooses the host's profile and the module; newer kernels print the module's version. */
const machine: readonly string[] = [
  'echo "# kernel $(uname -r)"',
  "dmesg | sed -n 's/.*Module version: \\([0-9.]*\\).*/# module \\1/p' | tail -n 1",
];

// bpftrace -------------------------------------------------------------------

/** A struct page's frame number; the array of them begins at vmemmap_base. */
const frame = (page: string): string => `((uint64)${page} - @vmemmap) / 64`;

function bpftraceScript(wrappers: readonly Wrapper[], options: RecordOptions): string {
  const { release, seconds, output } = options;
  return [
    ...head(options, [
      "Needs bpftrace 0.20 or later, and BTF (CONFIG_DEBUG_INFO_BTF, CONFIG_DEBUG_INFO_BTF_MODULES).",
      "A call costs two probes and one line; only a BUSY costs a call chain. If bpftrace does not find vmemmap_base (no CONFIG_KALLSYMS_ALL),",
      "put its value there: 0xffffea0000000000 on a host that was booted with nokaslr.",
    ]),
    "{",
    ...machine,
    "BPFTRACE_PERF_RB_PAGES=4096 bpftrace - <<'EOF'",
    ...bpftraceProgram(wrappers, release, seconds),
    "EOF",
    "# bpftrace says on standard error, at once, when lines are lost.",
    `} > ${shellWord(output)} 2>&1 || { tail -n 20 ${shellWord(output)} >&2; exit 1; }`,
    `echo "seamlock trace ${output}"`,
    "",
  ].join("\n");
}

function bpftraceProgram(wrappers: readonly Wrapper[], release: string, seconds: number): string[] {
  const leaves = [...CALLED_LEAVES].sort();
  // A string of bpftrace's must not be long.
  const said: string[] = [];
  for (let i = 0; i < leaves.length; i += 8) {
    const last = i + 8 >= leaves.length;
    said.push(`  printf("${i === 0 ? "l " : ""}${leaves.slice(i, i + 8).join(" ")}${last ? "\\n" : " "}");`);
  }
  return [
    "BEGIN",
    "{",
    '  @vmemmap = *(uint64 *)kaddr("vmemmap_base");',
    `  printf("b 1 %llu ${release.replaceAll(/[^\w.+-]/g, "_")}\\n", nsecs);`,
    ...said,
    "}",
    ...wrappers.flatMap((wrapper, i) => bpftraceCall(wrapper, i)),
    ...BPFTRACE_RDMD,
    ...bpftraceEnter(),
    `interval:s:${seconds} { exit(); }`,
    'END { printf("z %llu\\n", nsecs); clear(@begin); clear(@vcpu); clear(@inside); print(@seq); clear(@seq); clear(@vmemmap); }',
  ];
}

/** An idle task has number 0 on every CPU. */
const TASK = "tid ? (int64)tid : -1 - (int64)cpu";

function bpftraceCall(wrapper: Wrapper, number: number): string[] {
  const value = (kinds: readonly ArgumentKind[], make: (name: string, kind: ArgumentKind) => string): string | null => {
    const found = wrapper.arguments.find(({ is }) => kinds.includes(is));
    return found === undefined ? null : make(`args.${found.name}`, found.is);
  };
  const fields: readonly (string | null)[] = [
    value(["td", "tdr-page"], (name) => frame(`${name}->tdr_page`)),
    value(["vp"], (name) => frame(`${name}->tdvpr_page`)),
    value(["gpa"], (name) => `(uint64)${name}`),
    value(["level", "pg-level"], (name, kind) => (kind === "level" ? `(uint64)${name}` : `(uint64)${name} - 1`)),
    value(["page", "pfn", "tdr-page"], (name, kind) =>
      kind === "pfn" ? `(uint64)${name}` : frame(kind === "page" ? name : `${name}->tdr_page`),
    ),
  ];
  const format = fields.map((field) => (field === null ? "-" : "%llx")).join(" ");
  const given = fields.filter((field) => field !== null);
  return [
    `fentry:${wrapper.function} { $t = ${TASK}; @begin[${number}, $t] = nsecs; }`,
    `fexit:${wrapper.function}`,
    "{",
    `  $t = ${TASK};`,
    `  $b = @begin[${number}, $t];`,
    "  if ($b) {",
    "    $s = @seq[cpu]; @seq[cpu] = $s + 1;",
    `    printf("c %llu %u %u %llu %llu ${wrapper.leaf} ${format} %llx\\n", $s, cpu, tid, $b, nsecs, ${[...given, "(uint64)retval"].join(", ")});`,
    `    delete(@begin[${number}, $t]);`,
    `    if (((uint64)retval >> 40) == 0x800002) { printf("s %u%s\\n", cpu, kstack(12)); }`,
    "  }",
    "}",
  ];
}

/** TDH.PHYMEM.PAGE.RDMD is called from the report of a machine check, by a function that is inlined there. */
const BPFTRACE_RDMD: readonly string[] = [
  `fentry:${UNWRAPPED.function} { $t = ${TASK}; @begin[999, $t] = nsecs; }`,
  `fexit:${UNWRAPPED.function}`,
  "{",
  `  $t = ${TASK};`,
  "  $s = @seq[cpu]; @seq[cpu] = $s + 1;",
  `  printf("c %llu %u %u %llu %llu ${UNWRAPPED.leaf} - - - - %llx -\\n", $s, cpu, tid, @begin[999, $t], nsecs, (uint64)args.m->addr >> 12);`,
  "  delete(@begin[999, $t]);",
  "}",
];

function bpftraceEnter(): string[] {
  const target = `${ENTER.module}:${ENTER.function}`;
  const who = `${frame("((struct kvm_tdx *)$v->vcpu.kvm)->td.tdr_page")}, ${frame("$v->vp.tdvpr_page")}`;
  return [
    "// The tracepoint fires only when the vCPU really goes to its guest; what it does not know is noted around it.",
    `fentry:${target} { @vcpu[tid] = (uint64)args.vcpu; }`,
    "tracepoint:kvm:kvm_entry",
    "/@vcpu[tid]/",
    "{",
    "  $v = (struct vcpu_tdx *)@vcpu[tid];",
    "  @inside[tid] = 1;",
    "  $s = @seq[cpu]; @seq[cpu] = $s + 1;",
    `  printf("e %llu %u %u %llu %llx %llx\\n", $s, cpu, tid, nsecs, ${who});`,
    "}",
    `fexit:${target}`,
    "{",
    "  if (@inside[tid]) {",
    "    $v = (struct vcpu_tdx *)args.vcpu;",
    "    $s = @seq[cpu]; @seq[cpu] = $s + 1;",
    `    printf("x %llu %u %u %llu %llx %llx %llx\\n", $s, cpu, tid, nsecs, ${who}, (uint64)$v->vp_enter_ret);`,
    "  }",
    "  delete(@inside[tid]);",
    "  delete(@vcpu[tid]);",
    "}",
  ];
}

// trace-cmd ------------------------------------------------------------------

function traceCmdScript(wrappers: readonly Wrapper[], options: RecordOptions): string {
  const { seconds, output } = options;
  const functions = [...new Set(wrappers.map((one) => one.function))];
  return [
    ...head(options, [
      "function_graph with arguments and return values: Linux 6.15 or later with CONFIG_FUNCTION_GRAPH_TRACER, CONFIG_FUNCTION_GRAPH_RETVAL,",
      "CONFIG_FUNCTION_TRACE_ARGS. The kernel renders the text itself (trace-cmd show reads it), so that any version of trace-cmd does.",
      "Only these functions and two tracepoints are recorded, one line a call: 8 MB a CPU last for about 60,000 calls.",
      "funcgraph-irqs is needed: KVM calls tdh_vp_flush from an interrupt.",
    ]),
    `trace-cmd start -p function_graph --max-graph-depth 1 -b 8192 -C mono \\`,
    "  -O funcgraph-args -O funcgraph-retval -O funcgraph-retval-hex -O funcgraph-abstime -O funcgraph-proc -O funcgraph-cpu -O funcgraph-irqs \\",
    ...functions.map((name) => `  -l ${name} \\`),
    "  -e kvm:kvm_entry -e kvm:kvm_exit",
    'echo "seamlock: begin" > /sys/kernel/tracing/trace_marker',
    `sleep ${seconds}`,
    'echo "seamlock: end" > /sys/kernel/tracing/trace_marker',
    "trace-cmd stop",
    `{ ${machine.join("; ")}; trace-cmd show; } > ${shellWord(output)}`,
    "trace-cmd reset",
    `echo "seamlock trace ${output}"`,
    "",
  ].join("\n");
}

// perf -----------------------------------------------------------------------

const REGISTERS = ["di", "si", "dx", "cx", "r8", "r9"] as const;

function perfScript(wrappers: readonly Wrapper[], options: RecordOptions): string {
  const { seconds, output } = options;
  const events = wrappers.flatMap((one) => [`seamlock:${one.function}`, `seamlock:${one.function}__return`]);
  return [
    ...head(options, [
      "Probes at the wrappers and their returns (CONFIG_KPROBES, CONFIG_FPROBE or kretprobes); arguments by the registers of the x86-64 calling convention,",
      "so that no debug information is needed. A call costs two probes and two records.",
    ]),
    ...wrappers.flatMap((one) => [
      `perf probe -q -a ${shellWord(`seamlock:${one.function}=${one.function}${perfArguments(one)}`)}`,
      `perf probe -q -a ${shellWord(`seamlock:${one.function}__return=${one.function}%return status=$retval:x64`)}`,
    ]),
    "perf record -a -k CLOCK_MONOTONIC -m 4096 -o seamlock.perf.data \\",
    ...events.map((event) => `  -e ${event} \\`),
    `  -e kvm:kvm_entry -e kvm:kvm_exit sleep ${seconds}`,
    `{ ${machine.join("; ")}; perf script -i seamlock.perf.data --ns --show-lost-events -F comm,tid,cpu,time,event,trace; } > ${shellWord(output)}`,
    "perf probe -q -d 'seamlock:*'",
    `echo "seamlock trace ${output}"`,
    "",
  ].join("\n");
}

/**
 * Registers under the names of the arguments; a level says how it counts by its name. The pointer that comes first is printed last: it has
 * 16 digits, so that a line that is cut off is noticed.
 */
function perfArguments({ arguments: all }: Wrapper): string {
  return all
    .map(({ name, is }, i) => {
      const register = REGISTERS[i];
      if (register === undefined || is === "other") return "";
      return ` ${is === "pg-level" ? "pg_level" : name}=%${register}:x64`;
    })
    .reverse()
    .join("");
}
