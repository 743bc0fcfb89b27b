/** C as kernels write it: GNU extensions, macros that hide loops, calls and whole functions, what a build defines. */
import { describe, expect, it } from "vitest";
import type { Expr, Stmt } from "../../src/c/ast.ts";
import type { Dialect } from "../../src/c/dialect.ts";
import { expandMacros } from "../../src/c/expand.ts";
import { tokenize } from "../../src/c/lexer.ts";
import { preprocess } from "../../src/c/preprocess.ts";
import { Program, type SourceFile } from "../../src/c/program.ts";
import { Types } from "../../src/c/types.ts";

const DIALECT: Dialect = {
  replaceTokens: {},
  blankTokens: ["__user", "__init"],
  blankCalls: ["__attribute__"],
  defined: { CONFIG_SMP: "1" },
  definedCalls: ["IS_ENABLED"],
  sharedHeaders: true,
  expand: { keep: ["KEPT"] },
  governs: ["*for_each*", "scoped_guard"],
  weakTokens: ["__weak"],
  types: ["u64"],
};

const program = (files: Record<string, string>, dialect: Dialect = DIALECT): Program =>
  new Program(
    Object.entries(files).map(([path, source]): SourceFile => ({ path, source })),
    dialect,
  );

/** The statements of the only function called `f`, which must be read without loss. */
function body(source: string, header = ""): readonly Stmt[] {
  const read = program({ "h.h": header, "a.c": source });
  const info = read.resolve("f", "a.c");
  const ast = info && read.ast(info);
  expect(ast?.errors).toEqual([]);
  return ast?.body ?? [];
}

const text = (e: Expr): string => {
  switch (e.kind) {
    case "name":
      return e.name;
    case "number":
      return String(e.value);
    case "call":
      return `${text(e.callee)}(${e.args.map(text).join(", ")})`;
    case "member":
      return `${text(e.object)}${e.arrow ? "->" : "."}${e.field}`;
    case "binary":
    case "assign":
      return `(${text(e.left)} ${e.op} ${text(e.right)})`;
    case "unary":
      return `${e.op}${text(e.operand)}`;
    case "conditional":
      return `(${text(e.test)} ? ${text(e.yes)} : ${text(e.no)})`;
    default:
      return e.kind;
  }
};
const shown = (statements: readonly Stmt[]): string[] =>
  statements.map((s) =>
    s.kind === "expression"
      ? text(s.expr)
      : s.kind === "declare"
        ? `${s.type} ${s.name}${s.init ? ` = ${text(s.init)}` : ""}`
        : s.kind === "return"
          ? `return${s.value ? ` ${text(s.value)}` : ""}`
          : s.kind === "block"
            ? `{ ${shown(s.body).join("; ")} }`
            : s.kind === "governed"
              ? `${text(s.head)}: ${shown([s.body])[0]}`
              : s.kind,
  );

describe("GNU C", () => {
  it("reads a conditional without its middle", () => {
    expect(shown(body("void f(void) { x = a ?: b; }"))).toEqual(["(x = (a ? a : b))"]);
  });

  it("reads ranges of cases", () => {
    const [s] = body("void f(int x) { switch (x) { case 1 ... 4: g(); break; default: h(); } }");
    expect(s?.kind === "switch" && s.cases.map((c) => [c.value && text(c.value), c.to && text(c.to)])).toEqual([
      ["1", "4"],
      [null, undefined],
    ]);
  });

  it("goes past assembly, and reads what stands after it", () => {
    const source = 'void f(void) { asm volatile("1: " EX(1b, 2b) : : "r"(x), "m"(*p) : "memory"); asm(""); g(); }';
    expect(shown(body(source))).toEqual(["opaque", "opaque", "g()"]);
  });

  it("knows nothing of the outputs of assembly, and goes to the labels that it names", () => {
    const source = `void f(void) {
      asm volatile("a" : [err] "+r" (err), "=m" (p->b[0]), CONSTRAINT, "=@cc" "c" (ok) : "r" (in));
      asm goto("b" : : "r" (x) : "memory" : out, again);
      g();
    out:
    again:
      h();
    }`;
    const lines = body(source);
    expect(shown(lines)).toEqual([
      "opaque",
      "(err = opaque)",
      "(index = opaque)",
      "(ok = opaque)",
      "opaque",
      "if",
      "if",
      "g()",
      "label",
      "label",
      "h()",
    ]);
    const gone = lines.flatMap((s) => (s.kind === "if" && s.yes.kind === "goto" ? [s.yes.label] : []));
    expect(gone).toEqual(["out", "again"]);
  });

  it("takes literals beside macros as one literal", () => {
    expect(shown(body('void f(void) { pr(FMT "a" NUM "b", x); }'))).toEqual(["pr(string, x)"]);
  });

  it("keeps the statements of a statement expression", () => {
    const [s] = body("void f(void) { x = ({ int y = g(); if (y) h(); y; }); }");
    const e = s?.kind === "expression" && s.expr.kind === "assign" ? s.expr.right : null;
    expect(e?.kind === "opaque" && e.body?.map((b) => b.kind)).toEqual(["declare", "if", "expression"]);
  });

  it("keeps the statements that a macro is given", () => {
    const [first, second] = body(
      "void f(void) { unsafe(int y = g(); if (y) h(); p->q = y;); for (;;) both(a(); b() ); }",
    );
    const given = (s: Stmt | undefined): Expr | undefined =>
      s?.kind === "expression" && s.expr.kind === "call" ? s.expr.args[0] : undefined;
    const kinds = (e: Expr | undefined) => e?.kind === "opaque" && e.body?.map((b) => b.kind);
    expect(kinds(given(first))).toEqual(["declare", "if", "expression"]);
    const inner = second?.kind === "loop" && second.body.kind === "block" ? second.body.body[0] : undefined;
    expect(kinds(given(inner))).toEqual(["expression", "expression"]);
  });

  it("knows `typeof` as a type and as an expression", () => {
    const source = "void f(void) { typeof(x) y = g((typeof(z))z); __auto_type w = y; k(typeof(*p)); }";
    expect(shown(body(source))).toEqual(["typeof(x) y = g(cast)", "__auto_type w = y", "k(opaque)"]);
  });

  it("keeps the types of declarations, parameters and casts", () => {
    const read = program({
      "a.c":
        "struct s *f(const struct kvm *kvm, u64 **p, int (*cb)(void), struct q a[4]) { struct r *x = (struct r *)kvm; }",
    });
    const info = read.resolve("f", "a.c");
    const ast = info && read.ast(info);
    expect(ast?.parameterTypes).toEqual(["struct kvm *", "u64 **", "int *", "struct q"]);
    const [s] = ast?.body ?? [];
    expect(s?.kind === "declare" && [s.type, s.init?.kind === "cast" && s.init.type]).toEqual([
      "struct r *",
      "struct r *",
    ]);
  });
});

describe("macros that govern a statement", () => {
  it("reads loops and scopes, with braces and without, and calls of calls", () => {
    const source = `void f(void) {
      list_for_each_entry(x, head, link) g(x);
      scoped_guard(mutex, &a->lock) { h(); }
      guard(mutex)(&b->lock);
      kvm_for_each_vcpu(i, v, kvm)
        if (v) k(v);
    }`;
    expect(shown(body(source))).toEqual([
      "list_for_each_entry(x, head, link): { g(x) }",
      "scoped_guard(mutex, &a->lock): { { h() } }",
      "guard(mutex)(&b->lock)",
      "kvm_for_each_vcpu(i, v, kvm): { if }",
    ]);
  });
});

describe("macro expansion", () => {
  it("expands arguments, `#`, `##` and variable arguments", () => {
    const header = `
#define CALL(fn, args...) fn(args)
#define LOG(fmt, ...) log(fmt, ##__VA_ARGS__)
#define OP(name) vt_##name
#define NAMED(x) named(#x, x)
#define TWICE(x) ((x) + (x))`;
    const source = `void f(void) {
      CALL(g, 1, h(2, 3));
      LOG("a"); LOG("a", b);
      OP(run)(v);
      NAMED(y);
      z = TWICE(TWICE(1));
    }`;
    expect(shown(body(source, header))).toEqual([
      "g(1, h(2, 3))",
      "log(string)",
      "log(string, b)",
      "vt_run(v)",
      "named(string, y)",
      "(z = ((1 + 1) + (1 + 1)))",
    ]);
  });

  it("reads on after what a macro makes, for the arguments of a macro that it ends with", () => {
    const header = "#define take take_it\n#define take_it(x) taken(x)\n#define plus(x) x + take";
    expect(shown(body("void f(void) { take(1); plus(2)(3); }", header))).toEqual(["taken(1)", "(2 + taken(3))"]);
  });

  it("puts what `__VA_OPT__` holds where there are variable arguments, and nothing where they come to none", () => {
    const header = `
#define NONE
#define LOG(fmt, ...) log(fmt __VA_OPT__(,) __VA_ARGS__)
#define BOTH(x, rest...) g(x __VA_OPT__(+ h(x, rest)) - 1)
#define NAME(x, ...) x ## __VA_OPT__(_more) ## _end
#define TEXT(x, ...) text(# __VA_OPT__(x x))
#define LAST(x, ...) z = 1 __VA_OPT__(+ x ## x) ## b
#define PLAIN(x) x(__VA_OPT__(1))
#define OPEN(...) open(__VA_OPT__ + 1)`;
    const source = `void f(void) {
      LOG("a"); LOG("a", b); LOG("a", NONE); LOG("a", NONE 2);
      BOTH(LIMIT, 2, 3); BOTH(1);
      z = NAME(n, 1); z = NAME(n);
      TEXT(a, b); TEXT(a);
      LAST(, 1); LAST(a, 1);
      PLAIN(p); OPEN(1);
    }`;
    expect(shown(body(source, header))).toEqual([
      "log(string)",
      "log(string, b)",
      "log(string)",
      "log(string, 2)",
      "g(((LIMIT + h(LIMIT, 2, 3)) - 1))",
      "g((1 - 1))",
      "(z = n_more_end)",
      "(z = n_end)",
      "text(string)",
      "text(string)",
      "(z = (1 + b))",
      "(z = (1 + aab))",
      "p(__VA_OPT__(1))",
      "open((__VA_OPT__ + 1))",
    ]);
  });

  it("expands another name of what can be called, in capitals or not, and no other name of a constant", () => {
    const headers = {
      "h.h": `#define LOCK_IT REAL_LOCK
#define REAL_LOCK(x) take(x)
#define AGAIN LOCK_IT
#define CALL_IT Capital
#define KEEP_IT KEPT
#define LIMIT OTHER
#define OTHER 4
#define ROUND ROUND_TOO
#define ROUND_TOO ROUND`,
      "i.h": "#define OTHERWISE 1\n#define SOME OTHERWISE",
      "j.h": "#define SOME(x) some(x)",
    };
    const source = `void Capital(int x) { }
#define OWN REAL_LOCK
void f(void) { LOCK_IT(1); AGAIN(2); CALL_IT(3); KEEP_IT(4); OWN(5); g(LIMIT, ROUND); SOME(6);
#define SOME LIMIT
  SOME(7);
#undef OWN
  OWN(8);
}`;
    const read = program({ ...headers, "a.c": source });
    const info = read.resolve("f", "a.c");
    expect(shown((info && read.ast(info)?.body) ?? [])).toEqual([
      "take(1)",
      "take(2)",
      "Capital(3)",
      "KEPT(4)",
      "take(5)",
      "g(LIMIT, ROUND)",
      "some(6)",
      "SOME(7)",
      "OWN(8)",
    ]);
  });

  it("knows that what calls another name of a function reaches it", () => {
    const read = program({
      "a.c": "#define LOCK_IT real\nvoid real(int x) { deep(x); }\nvoid f(void) { LOCK_IT(1); }",
    });
    expect([...read.reaching(new Set(["deep"]))].sort()).toEqual(["LOCK_IT", "deep", "f", "real"]);
  });

  it("leaves a macro's name that it has met inside that macro as it is, wherever it comes to stand", () => {
    const header = "#define once(x) x(2)\n#define g(x) h(x, g)";
    expect(shown(body("void f(void) { once(g); g(1); k(g(1)); }", header))).toEqual([
      "h(2, g)",
      "h(1, g)",
      "k(h(1, g))",
    ]);
    const again = "#define w(x) v * w\n#define k(x) x(5)\n#define open(x) same(open\n#define same(x) x";
    expect(shown(body("void f(void) { k(w(1)); open(1)(2)); }", again))).toEqual(["(v * w(5))", "open(2)"]);
  });

  it("leaves a call that nothing closes as it is", () => {
    const macro = { name: "M", parameters: ["x"], body: "x", line: 1, until: null };
    const tokens = tokenize("a M(b, M(c)", 0, 11, 2);
    const read = expandMacros(tokens, (name) => (name === "M" ? macro : null), { left: 100 });
    expect(read?.texts.join(" ").trim()).toBe("a M ( b , c");
  });

  it("leaves a macro's name in a call that nothing closes as it is, where the macro itself made that call", () => {
    const macros = [
      { name: "M", parameters: ["x"], body: "x", line: 1, until: null },
      { name: "OPEN", parameters: null, body: "M (OPEN", line: 2, until: null },
    ];
    const read = expandMacros(tokenize("OPEN", 0, 4, 3), (name) => macros.find((m) => m.name === name) ?? null, {
      left: 100,
    });
    expect(read?.texts.join(" ").trim()).toBe("M ( OPEN");
  });

  it("ends arguments at commas in brackets and braces, as a compiler does", () => {
    const header = "#define SECOND(a, b, ...) g(b)";
    expect(shown(body("void f(void) { SECOND([x, y, z]); SECOND({ v, w, u }); }", header))).toEqual(["g(y)", "g(w)"]);
  });

  it.each([
    ["a macro that makes nothing, in its own arguments", "#define F(x) x x\n", `${"F(".repeat(18)}${")".repeat(18)}`],
    ["calls that nothing closes", "#define F(x) x\n", "F(".repeat(5000)],
    ["a long argument in a long body", `#define F(x) ${"x ".repeat(5000)}\n`, `F(${"a ".repeat(5000)})`],
    ["long arguments that are pasted", `#define F(x) ${"x##".repeat(5000)}x\n`, `F(${"a ".repeat(5000)})`],
    ["many arguments, many times", `#define F(...) ${"__VA_ARGS__ ".repeat(4000)}\n`, `F(${"a,".repeat(5000)})`],
  ])("takes no longer than its bound for %s", (_what, define, call) => {
    const { macros } = preprocess(define, { macros: new Map(), isDefined: () => false }, DIALECT);
    const budget = { left: 40_000 };
    expect(expandMacros(tokenize(call, 0, call.length, 9), () => macros[0] ?? null, budget)).toBe(null);
    // It is spent for whoever has the same one, and hardly more than there was.
    expect([budget.left < 0, budget.left > -40_000]).toEqual([true, true]);
  });

  it("gives up calls that stand deeper one in the other's arguments than anybody writes", () => {
    const read = program({
      "h.h": "#define SAME(x) x",
      "a.c": `void f(void) { g(${"SAME(".repeat(3000)}1${")".repeat(3000)}); }\nvoid k(void) { g(SAME(SAME(1))); }`,
    });
    const [f, k] = ["f", "k"].map((name) => read.resolve(name, "a.c"));
    expect([f && read.ast(f), k && read.ast(k)?.errors]).toEqual([null, []]);
  });

  it("keeps constants and the macros that are to be kept as they are, and no macro inside itself", () => {
    const header = "#define LIMIT (1 << 4)\n#define KEPT(x) gone(x)\n#define g(x) g((x) + 1)";
    expect(shown(body("void f(void) { KEPT(LIMIT); g(1); }", header))).toEqual(["KEPT(LIMIT)", "g((1 + 1))"]);
    expect(program({ "h.h": header }).constant("LIMIT")).toBe(16n);
  });

  it("is a name for a value where that is all it is: numbers, enumerators and constants, whatever calls are made of them", () => {
    const header = `#define BIT(n) (1UL << (n))
#define small_bit(n) BIT(n)
#define FLAG BIT(3)
#define SMALL small_bit(MOST)
#define ALSO (FLAG | RED)
#define WORDS "text" "more"
#define STATE READ_STATE(0)
#define STATE_TOO (STATE + 1)
#define UNSEEN NOWHERE(1)
#define CURRENT (current_state + 1)
#define POINTED (&current_state)
#define HELD current_lock
#define REGISTER (*(long *)4096)
#define SHIFTED BIT(current_state)
#define ASKED ({ READ_STATE(0); })
#define SUM 1 + 2
#define SUM_TOO SUM
#define COMMAND _IOW(1, 2, struct s)
enum { RED, MOST };
int READ_STATE(int x);`;
    const source = "long current_state;\nint READ_STATE(int x) { return x; }\n";
    expect(shown(body(`${source}void f(void) { g(FLAG, SMALL, ALSO, WORDS); }`, header))).toEqual([
      "g(FLAG, SMALL, ALSO, WORDS)",
    ]);
    expect(
      shown(
        body(
          `${source}void f(void) { g(STATE, STATE_TOO, UNSEEN, CURRENT, POINTED, HELD, REGISTER, SHIFTED, ASKED); }`,
          header,
        ),
      ),
    ).toEqual([
      "g(READ_STATE(0), (READ_STATE(0) + 1), NOWHERE(1), (current_state + 1), &current_state, current_lock, *cast, (1 << current_state), opaque)",
    ]);
    expect(shown(body(`${source}void f(void) { g(2 * SUM, SUM_TOO * 2); }`, header))).toEqual([
      "g(((2 * 1) + 2), (1 + (2 * 2)))",
    ]);
    expect(shown(body(`${source}void f(int x) { g(COMMAND); switch (x) { case COMMAND: ; } }`, header))[0]).toBe(
      "g(COMMAND)",
    );
  });

  it("has a build's words in what macros stand for, too", () => {
    const header = "#define MODE ((__user int)(1 << 3))\n#define GO(x) go(x, (__user int)MODE, IS_ENABLED(CONFIG_SMP))";
    expect(shown(body("void f(void) { GO(2); }", header))).toEqual(["go(2, cast, 1)"]);
    expect(program({ "h.h": header }).constant("MODE")).toBe(8n);
  });

  it("stands on the line of the use", () => {
    const [, s] = body("void f(void) {\n a();\n\n WRAP(b); }", "#define WRAP(x) do_it(x)");
    expect(s?.line).toBe(4);
  });

  it("sees no macro of another .c file", () => {
    const read = program({ "a.c": "void f(void) { M(1); }", "b.c": "#define M(x) other(x)" });
    const info = read.resolve("f", "a.c");
    expect(shown((info && read.ast(info)?.body) ?? [])).toEqual(["M(1)"]);
  });

  it("is of the definition that stands above the use, and of none below an `#undef`", () => {
    const source = `
void f(void) {
#define M(x, M) one(x, M##y)
  M(1, a);
#undef M
  M(2, b);
#define M(x) two(x)
  M(3);
#define M(x) three(x)
  M(4);
#undef HIDDEN
  HIDDEN(5);
  NESTED(6);
#undef M
}
#define HIDDEN(x) below(x)`;
    expect(shown(body(source, "#define HIDDEN(x) seen(x)\n#define NESTED(x) M(x)\n#define M(x) four(x)"))).toEqual([
      "one(1, ay)",
      "M(2, b)",
      "two(3)",
      "three(4)",
      "HIDDEN(5)",
      "three(6)",
    ]);
  });

  it("is of a header's definition above one of its own, and of none that the header takes away again", () => {
    const header = "#define M(x) header(x)\n#define HELP(x) gone(x)\n#define KEEP(x) HELP(x)\n#undef HELP";
    const source = "void f(void) {\n M(1);\n HELP(2);\n KEEP(1);\n#define M(x) own(x)\n M(3);\n}";
    expect(shown(body(source, header))).toEqual(["header(1)", "HELP(2)", "HELP(1)", "own(3)"]);
  });

  it("is of a definition that a file of the same unit still has at its end", () => {
    const read = program({
      "a.c": '#include "b.c"\nvoid f(void) { M(1); HELP(2); }',
      "b.c": "#define M(x) old(x)\n#undef M\n#define M(x) other(x)\n#define HELP(x) gone(x)\n#undef HELP",
    });
    const info = read.resolve("f", "a.c");
    expect(shown((info && read.ast(info)?.body) ?? [])).toEqual(["other(1)", "HELP(2)"]);
  });

  it("notes what files that are seen define in different ways, once it is expanded", () => {
    const headers = {
      "a.h": "#define M(x) one(x)\n#define N(x) n(x)",
      "b.h": "#define M(x) two(x)\n#define N(x)  n(x)",
    };
    const read = program({ ...headers, "p.h": "#define M(x) mine(x)", "a.c": "void f(void) { M(1); N(2); }" });
    const info = read.resolve("f", "a.c");
    expect(read.ambiguous).toEqual([]);
    expect(shown((info && read.ast(info)?.body) ?? [])).toEqual(["one(1)", "n(2)"]);
    expect(read.ambiguous.map((sites) => sites.map(({ file, body }) => `${file}: ${body}`))).toEqual([
      ["a.h: one(x)", "b.h: two(x)", "p.h: mine(x)"],
    ]);
  });

  it("is of the file whose macros count first, with nothing to note", () => {
    const dialect = { ...DIALECT, expand: { keep: [], first: "p.h" } };
    const headers = { "p.h": "#define M(x) mine(x)\n#define TEN 10", "a.h": "#define M(x) one(x)\n#define TEN 11" };
    const read = program({ ...headers, "a.c": "void f(void) { M(1); }" }, dialect);
    const info = read.resolve("f", "a.c");
    expect(shown((info && read.ast(info)?.body) ?? [])).toEqual(["mine(1)"]);
    expect([read.ambiguous, read.constant("TEN")]).toEqual([[], 10n]);
  });

  it("is none for a constant of the file itself", () => {
    expect(shown(body("#define LIMIT 4\nvoid f(void) {\n g(LIMIT);\n}", "#define LIMIT g(1)"))).toEqual(["g(LIMIT)"]);
  });

  it("leads to what any of its definitions calls, and is no expression where they differ", () => {
    const read = program(
      { "a.h": "#define M(x) free(x)", "b.h": "#define M(x) lock(x)", "a.c": "void f(void) { M(1); }" },
      { replaceTokens: {}, blankTokens: [], blankCalls: [] },
    );
    expect([...read.reaching(new Set(["lock"]))].sort()).toEqual(["M", "f", "lock"]);
    expect(read.macroExpr("M")).toBeNull();
    const info = read.resolve("f", "a.c");
    expect(read.redefinedIn(info ? [info] : []).map(([first]) => first?.name)).toEqual(["M"]);
  });

  it("has no value as a constant where definitions differ", () => {
    const read = program({
      "a.h": "#define TEN 10\n#define SIX (2 * 3)",
      "b.h": "#define TEN 11\n#define SIX (2  * 3)",
    });
    expect([read.constant("TEN"), read.constant("SIX")]).toEqual([null, 6n]);
  });

  it("makes functions where it is called, though it is taken away below", () => {
    const header = "#define BUILD(name) static int name(void) \\\n{ return 1; }\nBUILD(one)\n#undef BUILD\n";
    expect(program({ "h.h": header }).resolve("one", "h.h")?.line).toBe(3);
  });

  it("finds the functions that a macro at file scope makes", () => {
    const header = `
#define BUILD(bits, name)            \\
static u##bits read_##name(int x)     \\
{ return rd(x, bits); }               \\
static void write_##name(int x)       \\
{ wr(x); }
BUILD(64, field);`;
    const read = program({ "h.h": header, "a.c": "u64 f(void) { return read_field(1); }" });
    const info = read.resolve("read_field", "a.c");
    expect(info && [info.file, info.line, shown(read.ast(info)?.body ?? [])]).toEqual(["h.h", 7, ["return rd(x, 64)"]]);
    expect(read.resolve("write_field", "a.c")?.isStatic).toBe(true);
  });

  it("gives up a function whose macros make too much, and no other", () => {
    const doubling = Array.from({ length: 30 }, (_, i) => `#define D${i + 1}(x) D${i}(x) D${i}(x)`).join("\n");
    const read = program({
      "h.h": `#define D0(x) x\n${doubling}`,
      "a.c": "void f(void) { D30(g()); }\nvoid k(void) { g(); }",
    });
    const [f, k] = ["f", "k"].map((name) => read.resolve(name, "a.c"));
    expect([f && read.ast(f), k && read.ast(k)?.errors]).toEqual([null, []]);
  });
});

describe("a build", () => {
  it("defines symbols for conditionals and for the calls that ask for them", () => {
    const source = `
#ifdef CONFIG_SMP
void f(void) { if (IS_ENABLED(CONFIG_SMP)) a(); if (IS_ENABLED(CONFIG_NUMA)) b(); }
#else
void f(void) { c(); }
#endif
#if IS_ENABLED(CONFIG_NUMA) || !defined(CONFIG_SMP)
void f(void) { d(); }
#endif`;
    const tests = body(source).flatMap((s) => (s.kind === "if" ? [text(s.test)] : []));
    expect(tests).toEqual(["1", "0"]);
  });

  it("lets a header's conditional see what another header defines, but not its own guard", () => {
    const read = program({
      "arch.h": "#ifndef ARCH_H\n#define ARCH_H\n#define HAVE_RWLOCK\n#define SIZE 4\n#endif",
      "common.h":
        "#ifndef COMMON_H\n#define COMMON_H\n#ifndef SIZE\n#define SIZE 1\n#endif\n#ifdef HAVE_RWLOCK\n#define LOCK(k) wr(k)\n#else\n#define LOCK(k) sp(k)\n#endif\n#endif",
      "a.c": "void f(void) { LOCK(k); }",
    });
    const info = read.resolve("f", "a.c");
    expect(shown((info && read.ast(info)?.body) ?? [])).toEqual(["wr(k)"]);
    expect(read.constant("SIZE")).toBe(4n);
  });
});

describe("which function a call means", () => {
  it("is no static one of another .c file", () => {
    const read = program({ "a.c": "static int g(void) { return 1; }", "b.c": "void f(void) { g(); }", "h.h": "" });
    expect(read.resolve("g", "b.c")).toBeNull();
    expect(read.resolve("g", "a.c")?.file).toBe("a.c");
  });

  it("is a static one of a header, or of a .c file of the same unit", () => {
    const read = program({
      "d/a.c": '#include "part.c"\nstatic int helper(void) { return 1; }\nvoid f(void) { part(); }',
      "d/part.c": "static void part(void) { helper(); }",
      "h.h": "static inline int shared(void) { return 0; }",
    });
    expect(read.resolve("part", "d/a.c")?.file).toBe("d/part.c");
    expect(read.resolve("helper", "d/part.c")?.file).toBe("d/a.c");
    expect(read.resolve("shared", "d/a.c")?.file).toBe("h.h");
  });

  it("is a weak one only where there is no other", () => {
    const read = program({
      "a.c": "void __weak g(void) { }\nvoid __weak alone(void) { }\nvoid f(void) { g(); }",
      "b.c": "void g(void) { real(); }",
    });
    expect([read.resolve("g", "c.c")?.file, read.resolve("alone", "c.c")?.file]).toEqual(["b.c", "a.c"]);
    expect(read.clashes()).toEqual([]);
  });

  it("is not known when two files define it for all", () => {
    const read = program({ "a.c": "int g(void) { return 1; }", "b.c": "int g(void) { return 2; }" });
    expect(read.clashes().map(({ name, infos }) => [name, infos.map((i) => i.file)])).toEqual([["g", ["a.c", "b.c"]]]);
  });
});

describe("objects at file scope", () => {
  it("are found with their type and initializer", () => {
    const read = program({
      "h.h": "#define OP(x) vt_##x",
      "a.c":
        "static const struct ops table = {\n .run = OP(run),\n .stop = stop,\n};\nstatic int plain = 3;\nint list[] = { 1, [3] = 2 };",
    });
    expect(read.objects.map(({ name, type, line }) => [name, type, line])).toEqual([
      ["table", "static const struct ops", 1],
      ["list", "int", 6],
    ]);
    const [table] = read.objects;
    const init = table ? read.initializer(table) : null;
    expect(init?.kind === "initializer" && init.entries.map((e) => [e.designator, text(e.value)])).toEqual([
      [{ field: "run" }, "vt_run"],
      [{ field: "stop" }, "stop"],
    ]);
  });
});

it("members of a structure that is cut off: the last one needs no semicolon", () => {
  const of = (text: string) => [...new Types([text]).membersOf("kvm")];
  const whole = [
    ["a", "int"],
    ["b", "struct lock"],
  ];
  expect(of("struct kvm { int a; struct lock b; };")).toEqual(whole);
  expect(of("struct kvm { int a; struct lock b }")).toEqual(whole);
  expect(of("struct kvm { int a; struct { int c")).toContainEqual(["a", "int"]);
});
