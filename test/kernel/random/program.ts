/**
 * Small kernels as syntax trees of our own, and how they are written as C. What a program may say is chosen so that it means the same to
 * C, to the interpreter beside this and to src/kernel: no order between unsigned numbers, no numbers beyond what a type keeps.
 */

export type Type = "int" | "u64" | "bool" | "void *";

/** A lock of the machine or of the VM; how it may be held follows from its kind. */
export const LOCKS = {
  lock: { name: "kvm->lock", kind: "mutex", c: "&kvm->lock" },
  slots: { name: "kvm->slots_lock", kind: "mutex", c: "&kvm->slots_lock" },
  tdx: { name: "tdx_lock", kind: "mutex", c: "&tdx_lock" },
  mmu: { name: "kvm->mmu_lock", kind: "rwlock", c: "&kvm->mmu_lock" },
  gate: { name: "kvm->gate_sem", kind: "rwsem", c: "&kvm->gate_sem" },
  srcu: { name: "kvm->srcu", kind: "srcu", c: "&kvm->srcu" },
} as const;
export type Lock = keyof typeof LOCKS;
export type Mode = "exclusive" | "shared";

/** A lock as a statement names it: itself, or what a parameter points to (mutexes alone), or one of two, as something tells. */
export type LockRef =
  | { readonly k: "lock"; readonly lock: Lock }
  | { readonly k: "param"; readonly n: string }
  | { readonly k: "either"; readonly c: Expr; readonly a: Lock; readonly b: Lock };

export type Expr =
  | { readonly k: "num"; readonly v: number }
  /** `-EIO`, … */
  | { readonly k: "err"; readonly name: ErrorName }
  /** A status of the module. */
  | { readonly k: "const"; readonly name: keyof typeof STATUSES }
  | { readonly k: "var"; readonly n: string }
  /** `kvm->f`, with `READ_ONCE()` or `WRITE_ONCE()` or without, or `by->f` where a pointer to what it is part of is named. */
  | { readonly k: "kvm"; readonly f: Field; readonly by?: string; readonly once?: boolean }
  /** `*n` */
  | { readonly k: "star"; readonly n: string }
  /** `n.f` or `n->f` of a box. */
  | { readonly k: "dot"; readonly n: string; readonly f: BoxField; readonly arrow: boolean }
  | { readonly k: "un"; readonly op: "!" | "-"; readonly a: Expr }
  | { readonly k: "bin"; readonly op: BinaryOp; readonly a: Expr; readonly b: Expr }
  | { readonly k: "cond"; readonly c: Expr; readonly a: Expr; readonly b: Expr }
  /** By its name, by a table that points to it, or by a function that calls it by that. */
  | { readonly k: "call"; readonly fn: string; readonly args: readonly Arg[]; readonly via?: Via }
  | { readonly k: "cast"; readonly t: Cast; readonly a: Expr }
  /** A SEAMCALL by a macro that makes it again: once, after a kick, or up to three times. */
  | { readonly k: "macro"; readonly how: "twice" | "until"; readonly first: Seam; readonly again: Seam }
  /** A SEAMCALL, by its wrapper. */
  | Seam
  /** `ERR_PTR(-EIO)`, a pointer to something, or none. */
  | { readonly k: "errptr"; readonly name: ErrorName }
  | { readonly k: "pointer" | "null" }
  | { readonly k: "iserr" | "ptrerr"; readonly a: Expr }
  /** What no source says. */
  | { readonly k: "ext"; readonly id: number }
  /** `tdx_operand_busy(a)`, by a function or by hand. */
  | { readonly k: "busy"; readonly a: Expr; readonly inline: boolean }
  | { readonly k: "asg"; readonly n: string; readonly a: Expr }
  | { readonly k: "upd"; readonly n: string; readonly op: "++" | "--"; readonly post: boolean }
  | { readonly k: "warn" | "bug"; readonly id: number; readonly a: Expr }
  /** `mutex_trylock`: 1 when taken; `mutex_lock_killable`: 0 when taken. */
  | { readonly k: "try" | "killable"; readonly lock: Lock };

export type Via = "table" | "wrapper";
/** Types to which something is cast. */
export type Cast = "int" | "u64" | "bool" | "u8";
export type Seam = { readonly k: "seam"; readonly leaf: number; readonly arg: Expr };

export type BinaryOp = "==" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "&" | "|" | "&&" | "||";
export type Arg =
  | { readonly k: "value"; readonly e: Expr }
  | { readonly k: "addr"; readonly n: string }
  /** A pointer parameter that is handed on. */
  | { readonly k: "pointer"; readonly n: string }
  | { readonly k: "lockaddr"; readonly lock: Lock }
  /** `&kvm->f` */
  | { readonly k: "fieldaddr"; readonly f: Field };

export type Lvalue = Extract<Expr, { k: "var" | "kvm" | "star" | "dot" }>;

export type Stmt =
  | { readonly k: "decl"; readonly t: Type; readonly n: string; readonly init: Expr | null }
  | { readonly k: "box"; readonly n: string; readonly init: readonly (readonly [BoxField, Expr])[] }
  | { readonly k: "copy"; readonly to: string; readonly from: string }
  /** `struct kvm_arch *n = &kvm->arch;` */
  | { readonly k: "arch"; readonly n: string }
  /** `kvm->f++;` */
  | { readonly k: "count"; readonly f: Field }
  | { readonly k: "set"; readonly to: Lvalue; readonly op: "=" | "+=" | "-=" | "|=" | "&="; readonly a: Expr }
  | { readonly k: "expr"; readonly e: Expr }
  | { readonly k: "if"; readonly c: Expr; readonly a: Block; readonly b: Block | null }
  | { readonly k: "switch"; readonly v: Expr; readonly cases: readonly Case[] }
  | { readonly k: "while" | "do"; readonly c: Expr; readonly body: Block }
  | {
      readonly k: "for";
      readonly n: string;
      readonly from: number;
      readonly to: Expr;
      readonly down: boolean;
      readonly body: Block;
    }
  /** A loop over all CPUs, of which nobody knows how many there are. */
  | { readonly k: "percpu"; readonly n: string; readonly body: Block }
  | { readonly k: "break" | "continue" }
  | { readonly k: "goto" | "label"; readonly l: string }
  | { readonly k: "return"; readonly e: Expr | null }
  /** `downgrade_write` */
  | { readonly k: "downgrade" }
  | { readonly k: "take" | "drop"; readonly ref: LockRef; readonly mode: Mode }
  | { readonly k: "guard"; readonly lock: Lock; readonly mode: Mode }
  | { readonly k: "scoped"; readonly lock: Lock; readonly mode: Mode; readonly body: Block }
  | { readonly k: "kick" }
  | { readonly k: "assert"; readonly lock: Lock; readonly mode: Mode | "any" }
  | { readonly k: "block"; readonly body: Block };

export type Block = readonly Stmt[];
export interface Case {
  /** Null for `default`. */
  readonly is: readonly (number | null)[];
  readonly body: Block;
  readonly falls: boolean;
}

export interface Param {
  readonly n: string;
  readonly t: Type | "int *" | "u64 *" | "struct box *" | "struct mutex *";
}

/** Each function has `struct kvm *kvm` as its first parameter, which is not listed. */
export interface Fn {
  readonly name: string;
  readonly ret: Type | "void";
  readonly params: readonly Param[];
  readonly body: Block;
  readonly isEntry: boolean;
  /** How others call it, where not by its name. */
  readonly via?: Via;
}

export interface Program {
  readonly fns: readonly Fn[];
}

/** Members of the VM: some that nothing is known of, one whose value each phase gives, and the two that are false when a BUSY comes. */
export const FIELDS = {
  count: "int",
  mark: "u64",
  flag: "bool",
  ready: "int",
  vm_dead: "bool",
  failed: "int",
  done: "bool",
  bits: "int",
  "arch.tries": "int",
  "arch.seen": "bool",
} as const;
export type Field = keyof typeof FIELDS;
/** Those of what is part of the VM. */
export const ARCH = "arch.";
export const BOX = { err: "u64", ret: "int", on: "bool" } as const;
export type BoxField = keyof typeof BOX;

/** Errors that a program returns: far enough from each other, and from small numbers, that none is another one counted on. */
export const ERRORS = {
  EBUSY: 16,
  EAGAIN: 11,
  EINVAL: 22,
  EFAULT: 14,
  ENODEV: 19,
  ENOSPC: 28,
  ERANGE: 34,
} as const;
export type ErrorName = keyof typeof ERRORS;

/** What `pen_asked…()` and unknown numbers may be below zero: an error that no program states. */
export const UNSTATED = -1n;

export const STATUSES = {
  TDX_SUCCESS: 0n,
  TDX_OPERAND_BUSY: 0x8000020000000000n,
  TDX_OPERAND_INVALID: 0xc000010000000000n,
  TDX_SEAMCALL_STATUS_MASK: 0xffffffff00000000n,
} as const;

export const LEAVES = 6;
/** The phases, and what `kvm->ready` is in each. */
export const PHASES = { early: 0, late: 1 } as const;

/** Where the C of a program stands. */
export const FILE = "arch/x86/kvm/random.c";

/** A program as C: one file, with all that it needs or without what all programs have. */
export function written({ fns }: Program, isWhole = true): string {
  const head = fns.map((fn) => `${signature(fn)};`);
  return [
    ...(isWhole ? [HEADER] : []),
    ...head,
    ...fns.filter((fn) => fn.via !== undefined).map(tableText),
    ...fns.map((fn) => `${signature(fn)}\n${blockText(fn.body, 0)}\n`),
  ].join("\n");
}

/** A table that points to a function, and one that calls it by that. */
function tableText(fn: Fn): string {
  const { name, ret, params } = fn;
  const types = ["struct kvm *", ...params.map(({ t }) => t)].join(", ");
  const given = ["kvm", ...params.map(({ n }) => n)].join(", ");
  const wrapper = signature({ ...fn, name: `via_${name}` });
  return `struct ops_${name} {\n\t${ret} (*run)(${types});\n};
static const struct ops_${name} own_${name} = {\n\t.run = ${name},\n};
${wrapper}\n{\n\t${ret === "void" ? "" : "return "}own_${name}.run(${given});\n}`;
}

const CALLED: Readonly<Record<Via, (name: string) => string>> = {
  table: (name) => `own_${name}.run`,
  wrapper: (name) => `via_${name}`,
};

function signature({ name, ret, params, isEntry }: Fn): string {
  const list = ["struct kvm *kvm", ...params.map(({ n, t }) => `${t}${t.endsWith("*") ? "" : " "}${n}`)];
  return `${isEntry ? "" : "static "}${ret} ${name}(${list.join(", ")})`;
}

function blockText(body: Block, depth: number): string {
  const tabs = "\t".repeat(depth);
  return `{\n${body.map((s) => statementText(s, depth + 1)).join("")}${tabs}}`;
}

function statementText(s: Stmt, depth: number): string {
  const tabs = "\t".repeat(depth);
  const line = (text: string): string => `${tabs}${text}\n`;
  const inner = (body: Block): string => blockText(body, depth);
  switch (s.k) {
    case "decl":
      return line(`${s.t} ${s.n}${s.init === null ? "" : ` = ${text(s.init)}`};`);
    case "box":
      return line(`struct box ${s.n} = { ${s.init.map(([f, e]) => `.${f} = ${text(e)}`).join(", ")} };`);
    case "copy":
      return line(`${s.to} = ${s.from};`);
    case "arch":
      return line(`struct kvm_arch *${s.n} = &kvm->arch;`);
    case "count":
      return line(`kvm->${s.f}++;`);
    case "set":
      if (s.to.k === "kvm" && s.to.once === true && s.op === "=")
        return line(`WRITE_ONCE(${memberText(s.to)}, ${text(s.a)});`);
      return line(`${s.to.k === "kvm" ? memberText(s.to) : text(s.to)} ${s.op} ${text(s.a)};`);
    case "expr":
      return line(`${text(s.e)};`);
    case "if":
      return line(`if (${text(s.c)}) ${inner(s.a)}${s.b === null ? "" : ` else ${inner(s.b)}`}`);
    case "switch":
      return line(`switch (${text(s.v)}) {\n${s.cases.map((c) => caseText(c, depth)).join("")}${tabs}}`);
    case "while":
      return line(`while (${text(s.c)}) ${inner(s.body)}`);
    case "do":
      return line(`do ${inner(s.body)} while (${text(s.c)});`);
    case "for": {
      const test = `${s.n} ${s.down ? ">" : "<"} ${text(s.to)}`;
      return line(`for (int ${s.n} = ${s.from}; ${test}; ${s.n}${s.down ? "--" : "++"}) ${inner(s.body)}`);
    }
    case "percpu":
      return `${line(`int ${s.n};`)}${line(`for_each_online_cpu(${s.n}) ${inner(s.body)}`)}`;
    case "break":
    case "continue":
      return line(`${s.k};`);
    case "goto":
      return line(`goto ${s.l};`);
    case "label":
      return `${s.l}:;\n`;
    case "return":
      return line(s.e === null ? "return;" : `return ${text(s.e)};`);
    case "downgrade":
      return line(`downgrade_write(${LOCKS.gate.c});`);
    case "take":
    case "drop":
      return line(lockCall(s.k, s.ref, s.mode));
    case "guard":
      return line(`guard(${guardOf(s.lock, s.mode)})(${LOCKS[s.lock].c});`);
    case "scoped":
      return line(`scoped_guard(${guardOf(s.lock, s.mode)}, ${LOCKS[s.lock].c}) ${inner(s.body)}`);
    case "kick":
      return line("{ kvm->is_barred = true; kvm_make_all_cpus_request(kvm, KVM_REQ_OUTSIDE_GUEST_MODE); }");
    case "assert": {
      const how = s.mode === "any" ? "" : s.mode === "shared" ? "_read" : "_write";
      return line(`lockdep_assert_held${how}(${LOCKS[s.lock].c});`);
    }
    case "block":
      return line(inner(s.body));
  }
}

function caseText({ is, body, falls }: Case, depth: number): string {
  const tabs = "\t".repeat(depth);
  const heads = is.map((v) => `${tabs}${v === null ? "default" : `case ${v}`}:\n`).join("");
  return `${heads}${tabs}\t${blockText(body, depth + 1)}\n${falls ? "" : `${tabs}\tbreak;\n`}`;
}

const PRIMITIVES = {
  mutex: { exclusive: ["mutex_lock", "mutex_unlock"], shared: ["mutex_lock", "mutex_unlock"] },
  rwlock: { exclusive: ["write_lock", "write_unlock"], shared: ["read_lock", "read_unlock"] },
  rwsem: { exclusive: ["down_write", "up_write"], shared: ["down_read", "up_read"] },
  srcu: { exclusive: ["srcu_read_lock", "srcu_read_unlock"], shared: ["srcu_read_lock", "srcu_read_unlock"] },
} as const;

function lockCall(what: "take" | "drop", ref: LockRef, mode: Mode): string {
  const kind = ref.k === "lock" ? LOCKS[ref.lock].kind : "mutex";
  const call = PRIMITIVES[kind][mode][what === "take" ? 0 : 1];
  const which =
    ref.k === "lock"
      ? LOCKS[ref.lock].c
      : ref.k === "param"
        ? ref.n
        : `${text(ref.c)} ? ${LOCKS[ref.a].c} : ${LOCKS[ref.b].c}`;
  return `${call}(${which}${kind === "srcu" && what === "drop" ? ", 0" : ""});`;
}

function guardOf(lock: Lock, mode: Mode): string {
  const { kind } = LOCKS[lock];
  if (kind === "mutex") return "mutex";
  if (kind === "srcu") return "srcu";
  return kind === "rwlock"
    ? mode === "shared"
      ? "read_lock"
      : "write_lock"
    : mode === "shared"
      ? "rwsem_read"
      : "rwsem_write";
}

/** An expression as C, in parentheses wherever it is more than a word. */
export function text(e: Expr): string {
  switch (e.k) {
    case "num":
      return `${e.v}`;
    case "err":
      return `-${e.name}`;
    case "const":
      return e.name;
    case "var":
      return e.n;
    case "kvm":
      return e.once === true ? `READ_ONCE(${memberText(e)})` : memberText(e);
    case "star":
      return `*${e.n}`;
    case "dot":
      return `${e.n}${e.arrow ? "->" : "."}${e.f}`;
    case "un":
      return `${e.op}(${text(e.a)})`;
    case "bin":
      return `(${text(e.a)} ${e.op} ${text(e.b)})`;
    case "cond":
      return `(${text(e.c)} ? ${text(e.a)} : ${text(e.b)})`;
    case "call":
      return `${e.via === undefined ? e.fn : CALLED[e.via](e.fn)}(${["kvm", ...e.args.map(argText)].join(", ")})`;
    case "cast":
      return `(${e.t})(${text(e.a)})`;
    case "errptr":
      return `ERR_PTR(-${e.name})`;
    case "pointer":
      return "kvm";
    case "null":
      return "NULL";
    case "iserr":
      return `IS_ERR(${text(e.a)})`;
    case "ptrerr":
      return `PTR_ERR(${text(e.a)})`;
    case "macro":
      return `tdh_${e.how}(tdh_a${e.first.leaf}, kvm, ${text(e.first.arg)})`;
    case "seam":
      return `tdh_a${e.leaf}(${text(e.arg)})`;
    case "ext":
      return `pen_asked${e.id}(kvm)`;
    case "busy":
      return e.inline
        ? `((${text(e.a)} & TDX_SEAMCALL_STATUS_MASK) == TDX_OPERAND_BUSY)`
        : `tdx_operand_busy(${text(e.a)})`;
    case "asg":
      return `(${e.n} = ${text(e.a)})`;
    case "upd":
      return e.post ? `${e.n}${e.op}` : `${e.op}${e.n}`;
    case "warn":
      return `WARN_ON_ONCE(${text(e.a)})`;
    case "bug":
      return `KVM_BUG_ON(${text(e.a)}, kvm)`;
    case "try":
      return `${TRY[LOCKS[e.lock].kind]}(${LOCKS[e.lock].c})`;
    case "killable":
      return `mutex_lock_killable(${LOCKS[e.lock].c})`;
  }
}

const memberText = ({ f, by }: Extract<Expr, { k: "kvm" }>): string =>
  by === undefined ? `kvm->${f}` : `${by}->${f.slice(ARCH.length)}`;

const TRY = {
  mutex: "mutex_trylock",
  rwlock: "write_trylock",
  rwsem: "down_write_trylock",
  srcu: "mutex_trylock",
} as const;

function argText(arg: Arg): string {
  switch (arg.k) {
    case "value":
      return text(arg.e);
    case "addr":
      return `&${arg.n}`;
    case "pointer":
      return arg.n;
    case "lockaddr":
      return LOCKS[arg.lock].c;
    case "fieldaddr":
      return `&kvm->${arg.f}`;
  }
}

const leaves = Array.from({ length: LEAVES }, (_, i) => i);

/** What every program begins with: structures, guards, wrappers. */
export const HEADER = `${leaves.map((i) => `#define TDH_A${i} ${40 + i}`).join("\n")}
#define KVM_REQUEST_WAIT (1 << 9)
#define KVM_REQ_OUTSIDE_GUEST_MODE KVM_REQUEST_WAIT
#define TDX_SUCCESS 0ULL
#define TDX_OPERAND_BUSY 0x8000020000000000ULL
#define TDX_OPERAND_INVALID 0xC000010000000000ULL
#define TDX_SEAMCALL_STATUS_MASK 0xFFFFFFFF00000000ULL

struct mutex {
	int owner;
};
struct kvm_arch {
	int tries;
	bool seen;
};
struct kvm {
	struct mutex lock;
	struct mutex slots_lock;
	rwlock_t mmu_lock;
	struct srcu_struct srcu;
	struct rw_semaphore gate_sem;
	int count;
	u64 mark;
	bool flag;
	int ready;
	bool vm_bugged;
	bool vm_dead;
	bool is_barred;
	int failed;
	bool done;
	int bits;
	struct kvm_arch arch;
};
struct box {
	u64 err;
	int ret;
	bool on;
};
DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))
DEFINE_GUARD(rwsem_read, struct rw_semaphore *, down_read(_T), up_read(_T))
DEFINE_GUARD(rwsem_write, struct rw_semaphore *, down_write(_T), up_write(_T))
DEFINE_LOCK_GUARD_1(read_lock, rwlock_t, read_lock(_T->lock), read_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(write_lock, rwlock_t, write_lock(_T->lock), write_unlock(_T->lock))
DEFINE_LOCK_GUARD_1(srcu, struct srcu_struct, _T->idx = srcu_read_lock(_T->lock), srcu_read_unlock(_T->lock, _T->idx), int idx)
static DEFINE_MUTEX(tdx_lock);
#define tdh_twice(fn, kvm, arg...) \\
({ \\
	u64 __err = fn(arg); \\
	if (tdx_operand_busy(__err)) { \\
		kvm->is_barred = true; \\
		kvm_make_all_cpus_request(kvm, KVM_REQ_OUTSIDE_GUEST_MODE); \\
		__err = fn(arg); \\
	} \\
	__err; \\
})
#define tdh_until(fn, kvm, arg) \\
({ \\
	u64 __err; \\
	int __tries = 0; \\
	do { \\
		__err = fn(arg); \\
	} while (tdx_operand_busy(__err) && ++__tries < 3); \\
	__err; \\
})
u64 __seamcall(u64 fn, struct tdx_module_args *args);
static inline bool tdx_operand_busy(u64 err)
{
	return (err & TDX_SEAMCALL_STATUS_MASK) == TDX_OPERAND_BUSY;
}
${leaves
  .map(
    (i) =>
      `static u64 tdh_a${i}(u64 k)\n{\n\tstruct tdx_module_args args = { .rcx = k };\n\n\treturn __seamcall(TDH_A${i}, &args);\n}`,
  )
  .join("\n")}
`;
