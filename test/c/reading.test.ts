/** What random functions and constants (`random-functions.test.ts`, `random-constants.test.ts`) found, each by its kind. */
import { describe, expect, it } from "vitest";
import { Program } from "../../src/c/program.ts";
import { expression, statements } from "./print-c.ts";

const DIALECT = { replaceTokens: {}, blankTokens: [], blankCalls: ["__attribute__"], governs: ["each*"] };
const program = (source: string): Program => new Program([{ path: "f.c", source }], DIALECT);

/** The statements of `void f(int a, int b) { … }`, as they are read, and written with all parentheses. */
function read(body: string, before = ""): string {
  const source = program(`${before}\nvoid f(int a, struct s *b)\n{\n${body}\n}\n`);
  const info = source.functions.get("f")?.[0];
  const ast = info ? source.ast(info) : null;
  expect(ast?.errors).toEqual([]);
  return statements(ast?.body ?? [])
    .replace(/\s+/g, " ")
    .trim();
}

const U8 = "typedef unsigned char u8;";

describe("what is read of C", () => {
  it("has what follows compound literals", () => {
    expect(read("g((struct t){ .x = 1 }.x, (int[]){ 1, 2 }[a]);")).toBe(
      "(g((((struct t){ .x = (1) }).x), (((int [ ]){ (1), (2) })[a])));",
    );
  });

  it("has all of a designator", () => {
    expect(read("struct t x = { .p.q = 1, .r = 2, .p.s[3] = 4, [0 ... 2] = 5 };")).toBe(
      "struct t x = { .p = { .q = (1), .s = { [(3)] = (4) } }, .r = (2), [(0) ... (2)] = (5) };",
    );
  });

  it("does not guess what an entry after two designators is for", () => {
    const source = program(
      "void f(void)\n{\nstruct t x = { .p.q = 1, 2 };\nstruct t y = { .p = { .q = 1, 2 }, 3 };\n}\n",
    );
    const info = source.functions.get("f")?.[0];
    expect(info && source.ast(info)?.errors).toEqual([3]);
  });

  it("has casts to arrays and to pointers to functions, where a header declares the type", () => {
    expect(read("h((u8[2]){ 1, 2 }, (u8 (*)(int))b, (u8 const volatile)a);", U8)).toBe(
      "(h(((u8 [ 2 ]){ (1), (2) }), ((u8 ( * ) ( int ))b), ((u8)a)));",
    );
  });

  it("takes a variable that has a type's name for a variable", () => {
    expect(read("int u8 = 1; a = (u8) - 1; a = (u8)(2);", U8)).toBe("int u8 = (1); (a = (u8 - (1))); (a = (u8((2))));");
  });

  it("has calls of functions whose names stand in parentheses", () => {
    const known = "int k(int n) { return n; }";
    expect(read("(k)(a); (a)(1); (unknown_t)(a);", known)).toBe("(k(a)); (a((1))); ((?)a);");
  });

  it("does not guess what a name after such a name is: it may be a macro with the arguments", () => {
    const source = program(
      "int k(int n) { return n; }\n#define ARGS (1)\nvoid f(int a)\n{\n(unknown_t) a;\n(k) ARGS;\n}\n",
    );
    const info = source.functions.get("f")?.[0];
    expect(info && source.ast(info)?.errors).toEqual([6]);
  });

  it("tells a call of what a function gives from the declaration of a pointer", () => {
    expect(read("k(*b)(a); later (*fp)(int) = 0;", "int k(int n) { return n; }")).toBe(
      "((k((* b)))(a)); fn_t fp = (0);",
    );
  });

  it("has no product where a function is declared that gives a pointer", () => {
    expect(read("u8 *g(int); u8 *(*fp)(int) = 0; k();", U8)).toBe("fn_t fp = (0); (k());");
  });

  it("has no declaration where the size of what a pointer points to is asked", () => {
    expect(read("sizeof *b, a = 1;")).toBe("((sizeof *b), (a = (1)));");
  });

  it("has the sizes of members of what stands in parentheses", () => {
    expect(read("a = sizeof(b)->c.d[1] + 2;")).toBe("(a = ((sizeof(b)->c.d[1]) + (2)));");
  });

  it("has the statement that a macro governs, even one that could go on an expression", () => {
    expect(read("each(a) *b = 1; each(a) -k(); each(a) ++a;")).toBe(
      "each(a) { { ((* b) = (1)); } } each(a) { { (- (k())); } } each(a) { { (++ a); } }",
    );
  });

  it("is the same where lines go on", () => {
    const lines = 'int x __attribute__ \\\n ((unused)) = k("a\\\n b)", 1); \\\n x = sizeof \\\n a;';
    expect(read(lines)).toBe('int x = (k("?", (1))); (x = (sizeof a));');
    expect(program("void f(int a) \\\n{ }\n").functions.has("f")).toBe(true);
  });

  it("has no type where a block in a function ends at the line's start before a name", () => {
    const types = "typedef struct {\n int x;\n} point_t, *other_t, third_t[2];\nstruct s {\n int y;\n} none;";
    const source = program(`${types}\nvoid f(void)\n{\n if (1) {\n}name;\n}\n`);
    expect(["point_t", "other_t", "third_t", "none", "name"].filter((name) => source.isType(name))).toEqual([
      "point_t",
      "other_t",
      "third_t",
    ]);
  });

  it("ends a test with its label's empty statement", () => {
    expect(read("if (a) here: ; k();")).toBe("if (a) { { here: ; } } (k());");
  });
});

describe("constants", () => {
  const worth = (text: string, before = ""): bigint | null => program(`${before}\n#define X ${text}\n`).constant("X");

  it("count on from negative ones", () => {
    const source = program("enum { A = -2, B, C, D };");
    expect(["B", "C", "D"].map((name) => source.constant(name))).toEqual([2n ** 64n - 1n, 0n, 1n]);
  });

  it("are not known of enumerators that have several values, which is told once they are asked for", () => {
    const files = [
      { path: "a.h", source: "enum { A, B, C = 4 };\nenum\n{ D = A };\n" },
      { path: "b.h", source: "\nenum { B = 1, C };\nenum { A = 3 };\nenum { E = 7, E2 = E };" },
      { path: "f.c", source: "#define INDIRECT A\nint f(int x) { return x + INDIRECT; }\nint g(void) { return B; }" },
    ];
    const source = new Program(files, DIALECT);
    const [f, g] = ["f", "g"].map((name) => source.functions.get(name) ?? []);
    expect([source.constant("B"), source.constant("E2"), source.clashingEnumerators]).toEqual([1n, 7n, []]);
    expect(source.clashingIn(g ?? [])).toEqual([]);
    expect(
      source.clashingIn(f ?? []).map((sites) => sites.map(({ name, file, line }) => `${name} ${file}:${line}`)),
    ).toEqual([["A a.h:1", "A b.h:3"]]);
    expect([source.constant("A"), source.constant("D"), source.constant("C")]).toEqual([null, null, null]);
    expect(source.clashingEnumerators.map(([first]) => `${first?.name} ${first?.file}:${first?.line}`)).toEqual([
      "A a.h:1",
      "C a.h:1",
    ]);
  });

  it("have the type that holds all of their enumeration, where they are enumerators that are no int", () => {
    expect(worth("(NEXT > -1)", "enum { ZERO, BIG = 0xffffffffUL, NEXT };")).toBe(0n);
    expect(worth("(BIG > LEAST)", "enum { LEAST = -1, BIG = 0x80000000 };")).toBe(1n);
    expect(worth("(BIG + 1)", "enum { ZERO, BIG = 0xffffffff };")).toBe(0n);
    expect(worth("(ONE - 2 < 0)", "enum { ONE = 1u, BIG = 0xffffffff };")).toBe(1n);
    // Which type it is, is not known where a value is not; an int is one all the same.
    const unknown = "enum { LARGE = 0x100000000, SMALL = 5, SIZE = sizeof(struct s) };";
    expect([worth("LARGE", unknown), worth("SMALL", unknown)]).toEqual([null, 5n]);
  });

  it("are of the type of what gives them their value in their own enumeration, where they are enumerators that are no int", () => {
    expect(worth("YES", "enum { ONE = 1u, TWO, YES = TWO - 3 < 0 };")).toBe(1n);
    expect(worth("MORE", "enum { BIG = 0xffffffff, MORE = BIG + 1 };")).toBe(0n);
    expect(worth("MORE", "enum { HALF = 0xfffffffe, BIG, MORE = BIG + 1 };")).toBe(0n);
    expect(worth("MORE", "enum { BIG = 0xffffffff, TOO_BIG, MORE = TOO_BIG - 1 };")).toBe(null);
    const both = "enum { BIG = 0x80000000, INNER = IS_MORE, LEAST = -1 };\n#define IS_MORE (BIG > -1)";
    expect([worth("INNER + 2 * IS_MORE", both), worth("2 * IS_MORE + INNER", both)]).toEqual([2n, 2n]);
    expect(worth("(BIG + BIG)", "enum { BIG = 0x100000000 };")).toBe(0x200000000n);
  });

  it("are soon given up where they are worth each other", () => {
    const ring = Array.from({ length: 3000 }, (_, i) => `A${i} = A${(i + 1) % 3000} + A${(i + 7) % 3000}`);
    const source = program(`enum { ${ring.join(", ")} };`);
    expect(ring.every((_, i) => source.constant(`A${i}`) === null)).toBe(true);
  });

  it("have the width and sign of their types", () => {
    expect(worth("~0U")).toBe(0xffffffffn);
    expect(worth("(0xffffffff + 1)")).toBe(0n);
    expect(worth("(1 << 31)")).toBe(0xffffffff80000000n);
    expect(worth("(-1 < 0)")).toBe(1n);
    expect(worth("(-1 < 0U)")).toBe(0n);
    expect(worth("(-8 / 2)")).toBe(2n ** 64n - 4n);
    expect(worth("(-8 >> 1)")).toBe(2n ** 64n - 4n);
    expect(worth("(1 ? -1 : 1u)")).toBe(0xffffffffn);
  });

  it("are the sizes of integers, of pointers and of arrays of these, and of nothing else", () => {
    expect(worth("sizeof(uint64_t)")).toBe(8n);
    expect(worth("(sizeof(u8 const) + sizeof(_Bool))", U8)).toBe(2n);
    expect(worth("sizeof(other_t[2][1 + 2])", "typedef unsigned short half_t;\ntypedef half_t other_t;")).toBe(12n);
    expect(worth("sizeof(struct s *)")).toBe(8n);
    expect(worth("(sizeof(int) - 5 > 0)")).toBe(1n);
    for (const text of ["struct s", "gone_t", "u8 { 1 }", "int[]", "int[N]", "int) (2", "double"])
      expect([text, worth(`sizeof(${text})`, U8)]).toEqual([text, null]);
    expect(worth("sizeof(u8){ 1 }", U8)).toBe(null);
    expect(worth("__alignof__(int)")).toBe(null);
    expect(worth("sizeof N")).toBe(null);
  });

  it("are what casts make of them", () => {
    expect(worth("((u8)0x1ff)", U8)).toBe(0xffn);
    expect(worth("((unsigned int)-1)")).toBe(0xffffffffn);
    expect(worth("(other_t)(-1)", "typedef unsigned short half_t;\ntypedef half_t other_t;")).toBe(0xffffn);
    expect(worth("((long unsigned int)-1)")).toBe(2n ** 64n - 1n);
    expect(worth("((signed char)0x80)")).toBe(2n ** 64n - 128n);
    expect(worth("((void *)-1)")).toBe(2n ** 64n - 1n);
    expect(worth("((_Bool)4)")).toBe(1n);
  });

  it("are not known where a type is not, or where they overflow", () => {
    expect(worth("((unknown_t)300)")).toBe(null);
    expect(worth("((unknown_t)1)")).toBe(1n);
    expect(worth("(0x7fffffff + 1)")).toBe(null);
    expect(worth("(1 << 32)")).toBe(null);
    expect(worth("(1ull << 32)")).toBe(2n ** 32n);
  });

  it("are what the text of macros makes where it stands", () => {
    expect(worth("A * 2", "#define A 1 + 2")).toBe(5n);
    expect(worth("(B * 2)", "#define A 1 + 2\n#define B A")).toBe(5n);
    expect(worth("D(1 + 2)", "#define D(x) x * 2")).toBe(5n);
    expect(worth("D(1 + 2)", "#define D(x) (x * 2)")).toBe(5n);
    expect(worth("D(1 + 2)", "#define D(x) (2 * x)")).toBe(4n);
    expect(worth("V(1, 2, 3) * 2", "#define V(x, ...) ((x) + 1)")).toBe(4n);
    expect(worth("M(3) * 2", "#define BIT(n) (1 << (n))\n#define M BIT")).toBe(16n);
    expect(worth("F(5)", "#define n 1 + 2\n#define F(n) ((n) * 2)")).toBe(10n);
    expect(worth("(D(3) * 2 + 1)", "#define D(x) (x) - 2")).toBe(0n);
    expect(worth("OUTER(1 + 2)", "#define D(x) x * 2\n#define OUTER(x) (D(x))")).toBe(5n);
    expect(worth("PICK(1, 2) + 4", "#define PICK(x, y) x ? y : 3")).toBe(2n);
    expect(worth("INVERSE(1 + 2)", "#define INVERSE(x) ~x")).toBe(0n);
    expect(worth("USE(D, 5 - 1)", "#define D(x) x * 2\n#define USE(macro, x) macro(x)")).toBe(3n);
    expect(worth("(4 DOWN UP)", "#define DOWN - 1\n#define UP << 1")).toBe(6n);
    const source = program("#define A 1 + 2\nenum { E = A * 2, F, G = 2 * A };");
    expect(["E", "F", "G"].map((name) => source.constant(name))).toEqual([5n, 6n, 4n]);
  });

  it("take a macro's operator for one of two operands where it follows one", () => {
    const before = "#define DOWN - 1\n#define TOO DOWN\n#define FIVE 5\ntypedef long num_t;";
    expect(worth("(FIVE) DOWN", before)).toBe(4n);
    expect(worth("(FIVE) TOO", before)).toBe(4n);
    expect(worth("(num_t) TOO", before)).toBe(2n ** 64n - 1n);
    expect(worth("FIVE - TOO", before)).toBe(6n);
    expect(worth("2 * LESS", `${before}\n#define LESS (FIVE) DOWN`)).toBe(9n);
  });

  it("have the types that macros are given", () => {
    expect(worth("AS(u8, 0x1ff)", `${U8}\n#define AS(type, x) ((type)(x))`)).toBe(0xffn);
    expect(worth("SIZE(u8)", `${U8}\n#define SIZE(x) sizeof(x)`)).toBe(1n);
    expect(worth("COUNT(3)", "#define COUNT(n) sizeof(int[n])")).toBe(12n);
  });

  it("are not known where a macro makes several arguments of one, as a compiler does not", () => {
    const before = "#define PAIR 5, 6\n#define SUM(x, y) ((x) - (y))\n#define SUM_OF(x) SUM(x)";
    expect(worth("SUM_OF(PAIR)", before)).toBe(null);
    expect(worth("SUM(5, 6)", before)).toBe(2n ** 64n - 1n);
    expect(worth("SUM(5)", before)).toBe(null);
  });

  it("are not known where it is not known which macro is meant, or what it makes is no end of text", () => {
    const two = "#define A 1 + 2\n#undef A\n#define A 3 + 4";
    expect(worth("A * 2", two)).toBe(null);
    expect(worth("B * 2", `${two}\n#define B A`)).toBe(null);
    expect(worth("D(1) * 2", "#define A(x) (x)\n#undef A\n#define A(x) x + 1\n#define D(x) (A(x))")).toBe(null);
    const levels = Array.from({ length: 12 }, (_, i) => `#define M${i + 1} M${i} + M${i}`).join("\n");
    expect(worth("M12 * 1", `#define M0 1 + 1\n${levels}`)).toBe(null);
    expect(worth("M5 * 3", `#define M0 1 + 1\n${levels}`)).toBe(66n);
  });

  it("stand one in the other as deep as anybody writes", () => {
    const levels = Array.from({ length: 600 }, (_, i) => `#define M${i + 1} M${i}`).join("\n");
    expect(worth("M600 * 2", `#define M0 1 + 2\n${levels}`)).toBe(5n);
    const calls = Array.from({ length: 200 }, (_, i) => `#define M${i + 1}(x) (M${i}(x))`).join("\n");
    expect(worth("M200(3) * 2", `#define M0(x) (x) + 2\n${calls}`)).toBe(10n);
    const deep = Array.from({ length: 20_000 }, (_, i) => `#define M${i + 1} M${i}`).join("\n");
    expect(worth("M20000 * 2", `#define M0 1 + 2\n${deep}`)).toBe(null);
  });

  it("have no macro in itself", () => {
    const body = program("#define S S + 1").macroExpr("S");
    expect(body && expression(body)).toBe("(S + (1))");
  });
});

describe("macros in functions", () => {
  it("are the text that they stand for, where that depends on what stands around them", () => {
    const before = "#define A 1 + 2\n#define B A\n#define D(x) x * 2\n#define P *b\n#define OBJ(x) (struct s *)(x)";
    expect(read("a = A * 2; a = B * 2; a = D(a + 1);", before)).toBe(
      "(a = ((1) + ((2) * (2)))); (a = ((1) + ((2) * (2)))); (a = (a + ((1) * (2))));",
    );
    expect(read("g(P, P->x, OBJ(b), OBJ(b)->x, P[1]);", before)).toBe(
      "(g(P, (* (b->x)), (OBJ(b)), ((struct s *)(b->x)), (* (b[(1)]))));",
    );
    expect(read("g(Q, Q[2]);", `${before}\n#define Q P->x\n#define S sizeof(b)`)).toBe("(g(Q, (* ((b->x)[(2)]))));");
    expect(read("a = S->x;", "#define S sizeof(b)")).toBe("(a = (sizeof ( b ) -> x));");
    expect(read("if (a) switch (a) { case A: g(A); }", before)).toBe(
      read("if (a) switch (a) { case 1 + 2: g(1 + 2); }"),
    );
  });

  it("stay names where they are values of their own, or no expression", () => {
    const before =
      "#define A (1 + 2)\n#define N -1\n#define F (unsigned)(3)\n#define BIT(n) (long)(1 << (n))\n#define G BIT(3)\n#define TWO(x, y) f2((x), (y))\n#define WHILE(x) do { x; } while (0)\n#define BOX(x) sizeof(x)";
    expect(read("a = A * N - G + BIT(a + 1) * F; TWO(a, 1); WHILE(a);", before)).toBe(
      "(a = (((A * N) - G) + ((BIT((a + (1)))) * F))); (TWO(a, (1))); (WHILE(a));",
    );
    expect(read("a = INVERSE; return N;", `${before}\n#define INVERSE (unsigned)~0`)).toBe("(a = INVERSE); return N;");
    const own = "#define offsetof(type, field) (long)&(((type *)0)->field)";
    expect(read("a = offsetof(struct s, x);", own)).toBe("(a = (offsetof(struct s, x)));");
    expect(read("a = (a) N; a = (unsigned) N; a = (unsigned) F;", before)).toBe(
      "(a = (a - (1))); (a = ((unsigned)(- (1)))); (a = ((unsigned)F));",
    );
  });

  it("are those that stand above, in the file itself or in a header", () => {
    const files = [
      { path: "other.c", source: "#define n 1 + 2\n" },
      { path: "h.h", source: "#define m 3 + 4\n" },
      { path: "f.c", source: "int f(int n) { return 2 * n; }\nint g(void) { return 2 * m; }\n" },
    ];
    const source = new Program(files, DIALECT);
    const text = (name: string): string => {
      const info = source.functions.get(name)?.[0];
      return statements((info && source.ast(info)?.body) ?? []).trim();
    };
    expect([text("f"), text("g")]).toEqual(["return ((2) * n);", "return (((2) * (3)) + (4));"]);
  });

  it("have the text of what is measured", () => {
    expect(read("a = SIZE(*b) - SIZE(a);", "#define SIZE(x) sizeof(x)")).toBe(
      "(a = ((sizeof ( * b )) - (sizeof ( a ))));",
    );
  });
});
