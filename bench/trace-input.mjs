/**
 * Recordings to measure by: hosts that never were, well-formed and not, the same bytes for the same name and number of lines.
 *
 * 32 CPUs, 4 TDs of 16 vCPUs; a line every 2.5 us on average, which is more than a busy host makes.
 */
import { closeSync, openSync, writeSync } from "node:fs";

const TDS = 4;
const VCPUS = 16;
const CPUS = 32;
/** Lines that are written at once. */
const BATCH = 4096;

/** A small generator of random numbers, the same everywhere. */
function randomOf(seed) {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const CALLS = [
  { leaf: "tdh_mem_range_block", gpa: true, page: false, busy: "8000020000000092" },
  { leaf: "tdh_mem_track", gpa: false, page: false, busy: "80000200000000a9" },
  { leaf: "tdh_mem_page_remove", gpa: true, page: false, busy: "8000020000000092" },
  { leaf: "tdh_mem_page_aug", gpa: true, page: true, busy: "8000020000000092" },
];

/** What happens on the host, one event after the other; `busy`: of a hundred calls. */
function host(seed, busy) {
  const below = randomOf(seed);
  const actors = Array.from({ length: TDS * VCPUS }, (_, i) => ({
    td: 0x140000 + 0x1000 * Math.floor(i / VCPUS),
    vp: 0x140010 + 0x1000 * Math.floor(i / VCPUS) + (i % VCPUS),
    tid: 1000 + i,
    cpu: i % CPUS,
    inside: false,
  }));
  let time = 5e12;
  return () => {
    time += 500 + below(4000);
    const actor = actors[below(actors.length)];
    if (actor.inside) {
      actor.inside = false;
      return { kind: "exit", time, ...actor, status: below(100) < busy ? "80000200000000a9" : "0" };
    }
    if (below(10) < 6) {
      actor.inside = true;
      return { kind: "enter", time, ...actor };
    }
    const call = CALLS[below(CALLS.length)];
    return {
      kind: "call",
      time,
      begin: time - 500 - below(3000),
      ...actor,
      leaf: call.leaf,
      gpa: call.gpa ? 0x100000000 + 0x1000 * below(512) : null,
      page: call.page ? 0x500000 + below(512) : null,
      status: below(100) < busy ? call.busy : "0",
    };
  };
}

const hex = (n) => (n === null ? "-" : n.toString(16));
const stamp = (ns, digits) =>
  `${Math.floor(ns / 1e9)}.${String(Math.floor(ns % 1e9))
    .padStart(9, "0")
    .slice(0, digits)}`;

/** Each form: its first lines, and a line or more of each event. */
const FORMS = {
  bpftrace() {
    const seq = new Array(CPUS).fill(0);
    return {
      first: "b 1 4999000000000 7.3.0\n",
      of(e) {
        const n = seq[e.cpu]++;
        const where = `${n} ${e.cpu} ${e.tid}`;
        if (e.kind === "enter") return `e ${where} ${e.time} ${hex(e.td)} ${hex(e.vp)}\n`;
        if (e.kind === "exit") return `x ${where} ${e.time} ${hex(e.td)} ${hex(e.vp)} ${e.status}\n`;
        const level = e.gpa === null ? "-" : "0";
        return `c ${where} ${e.begin} ${e.time} ${e.leaf} ${hex(e.td)} - ${hex(e.gpa)} ${level} ${hex(e.page)} ${e.status}\n`;
      },
    };
  },
  "function-graph"() {
    return {
      first:
        "# tracer: function_graph\n#\n#     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS\n",
      of(e) {
        const line = (time, duration, body) =>
          `${stamp(time, 6).padStart(14)} |  ${String(e.cpu).padStart(2)})  qemu-${e.tid}  | ${duration.padStart(13)} |  ${body}\n`;
        if (e.kind === "enter")
          return line(e.time, "", "/* kvm_entry: vcpu 0, rip 0x0 intr_info 0x0 error_code 0x0 */");
        if (e.kind === "exit") return line(e.time, "", "/* kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x0 */");
        const given = e.gpa === null ? "" : `, gpa=0x${hex(e.gpa)}, level=1 [PG_LEVEL_4K]`;
        const duration = `${((e.time - e.begin) / 1000).toFixed(3)} us   `;
        return line(e.begin, duration, `${e.leaf}(td=0xffff888${hex(e.td)}000${given}); /* ret=0x${e.status} */`);
      },
    };
  },
  perf() {
    return {
      first: "",
      of(e) {
        const line = (time, event, body) =>
          `       CPU 0/KVM ${e.tid} [${String(e.cpu).padStart(3, "0")}] ${stamp(time, 9)}:  ${event}: ${body}\n`;
        if (e.kind === "enter")
          return line(e.time, "kvm:kvm_entry", "vcpu 0, rip 0x0 intr_info 0x00000000 error_code 0x00000000");
        if (e.kind === "exit") return line(e.time, "kvm:kvm_exit", "vcpu 0 reason EXTERNAL_INTERRUPT rip 0x0");
        const given = e.gpa === null ? "" : ` gpa=0x${hex(e.gpa)} pg_level=0x1`;
        return (
          line(e.begin, `seamlock:${e.leaf}`, `(ffffffffa0000000) td=0xffff888${hex(e.td)}000${given}`) +
          line(e.time, `seamlock:${e.leaf}__return`, `(ffffffffa0000000 <- ffffffffa0000001) status=0x${e.status}`)
        );
      },
    };
  },
  ndjson() {
    const text = (n) => `0x${n.toString(16)}`;
    const status = (word) => `0x${word.padStart(16, "0")}`;
    return {
      first: '{"recording":"seamlock@1","began":4999000000000}\n',
      of(e) {
        const { cpu, tid } = e;
        const [td, vp] = [text(e.td), text(e.vp)];
        const line =
          e.kind === "call"
            ? {
                call: e.leaf,
                at: [e.begin, e.time],
                cpu,
                tid,
                td,
                ...(e.gpa !== null && { gpa: text(e.gpa), level: 0 }),
                status: status(e.status),
              }
            : { [e.kind]: 1, at: e.time, cpu, tid, td, vp, ...(e.kind === "exit" && { status: status(e.status) }) };
        return `${JSON.stringify(line)}\n`;
      },
    };
  },
};

/** A form's text of a host's events. */
function recorded(form, busy = 2) {
  const { first, of } = FORMS[form]();
  const next = host(1, busy);
  return { first, next: () => of(next()) };
}

/** What a recording can be that is wrong. `next` gives lines for ever. */
const ILL = {
  /** No vCPU was seen to enter: each of its runs began at an unknown time. */
  "ends without beginnings"() {
    const { first, next } = recorded("bpftrace", 50);
    return { first, next: () => next().replace(/^e.*\n/, "") };
  },
  "beginnings without ends"() {
    const { first, next } = recorded("bpftrace", 50);
    return { first, next: () => next().replace(/^x.*\n/, "") };
  },
  "every call is refused": () => recorded("bpftrace", 100),
  /** Each line is of another task, another TD, another CPU. */
  "nothing comes twice"() {
    const below = randomOf(2);
    let n = 0;
    let time = 5e12;
    return {
      first: "b 1 4999000000000 7.3.0\n",
      next() {
        n++;
        time += 500 + below(4000);
        const where = `0 ${n % 60000} ${1000 + n}`;
        const [td, vp] = [hex(0x140000 + n), hex(0x900000 + n)];
        if (n % 3 === 0) return `e ${where} ${time} ${td} ${vp}\n`;
        if (n % 3 === 1) return `x ${where} ${time} ${td} ${vp} 80000200000000a9\n`;
        return `c ${where} ${time - 90e6} ${time} tdh_mem_track ${td} - - - - 80000200000000a9\n`;
      },
    };
  },
  /** A thousand calls are in flight at any time, and all are refused. */
  "a thousand at once"() {
    const below = randomOf(3);
    let n = 0;
    let time = 5e12;
    return {
      first: "b 1 4999000000000 7.3.0\n",
      next() {
        time += 500 + below(4000);
        const cpu = n % 1000;
        return `c ${Math.floor(n++ / 1000)} ${cpu} ${1000 + cpu} ${time - 2_500_000} ${time} tdh_mem_track 140000 - - - - 80000200000000a9\n`;
      },
    };
  },
  "lost events everywhere"() {
    const { first, next } = recorded("perf", 50);
    const below = randomOf(4);
    return {
      first,
      next: () =>
        below(4) === 0
          ? `  qemu 7 [${String(below(CPUS)).padStart(3, "0")}] 5000.000000000: PERF_RECORD_LOST lost 12\n`
          : next(),
    };
  },
  "clocks that jump"() {
    const { of } = FORMS.bpftrace();
    const next = host(1, 10);
    const below = randomOf(5);
    return {
      first: "b 1 4999000000000 7.3.0\n",
      next() {
        const event = next();
        const by = below(3) === 0 ? below(400_000_000) - 200_000_000 : 0;
        return of({ ...event, time: event.time + by, ...(event.begin !== undefined && { begin: event.begin + by }) });
      },
    };
  },
  "a clock that stands still"() {
    const { of } = FORMS.bpftrace();
    const next = host(1, 50);
    return { first: "b 1 0 7.3.0\n", next: () => of({ ...next(), time: 5e12, begin: 5e12 }) };
  },
  "lines that are cut off"() {
    const { first, next } = recorded("bpftrace");
    const below = randomOf(6);
    return {
      first,
      next() {
        const line = next();
        return below(3) === 0 ? `${line.slice(0, below(line.length - 1))}\n` : line;
      },
    };
  },
  "lines about something else"() {
    const { first, next } = recorded("perf");
    const below = randomOf(7);
    return {
      first,
      next: () =>
        below(10) < 9
          ? ` swapper 0 [001] 5000.000000001: sched:sched_switch: prev_comm=a prev_pid=${below(9999)} ==> next_comm=b\n`
          : next(),
    };
  },
};

export const WELL_FORMED = Object.keys(FORMS);
export const ILL_FORMED = Object.keys(ILL);

/** Writes a recording of so many lines. */
export function writeInput(name, lines, path) {
  const { first, next } = name in FORMS ? recorded(name) : ILL[name]();
  const out = openSync(path, "w");
  let batch = [first];
  for (let left = lines; left > 0; ) {
    const text = next();
    if (text === "") continue;
    left -= text.indexOf("\n") === text.length - 1 ? 1 : 2;
    if (batch.push(text) < BATCH) continue;
    writeSync(out, batch.join(""), null, "latin1");
    batch = [];
  }
  writeSync(out, batch.join(""), null, "latin1");
  closeSync(out);
}
