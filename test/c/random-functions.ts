/**
 * Makes random C functions that a compiler takes and that end: statements and expressions of all kinds, as few parentheses as C allows, odd
 * white space. What they compute is told by calls of `note`; `tick` ends loops; `nz` is never zero. {@link PRELUDE} declares what they use.
 */

import { Dice } from "../dice.ts";

/** Types that functions use, as headers of a tree have them. */
export const HEADER = `typedef unsigned char u8;
typedef int s32;
typedef unsigned long u64;
typedef long (*fn_t)(long, long);
struct T { long z; unsigned char c; };
typedef struct T part_t;
struct S { long x; int y[4]; struct T t; struct S *next; fn_t op; };
enum { RED, BLUE = 5, DARK = -3, NEXT };
#define each_of(i, n) for ((i) = 0; (i) < ((n) & 7) && tick(); (i)++)
`;

/** Macros that they call, and other names of those and of functions. */
export const MACROS = `#define twice(v) (note(v), note((v) ^ 1))
#define sum_of(v, ...) (note(v) __VA_OPT__(+ f0(1, __VA_ARGS__)))
#define TWICE twice
#define SUM_OF sum_of
#define NOTE_IT note
#define NOTHING
#define LOOSE 1 + 2
#define LOOSE_TOO LOOSE
#define MINUS -1
#define LESS_A - a
#define DOUBLE(v) v * 2
#define LESS(v) (v - 1)
#define AS_LONG(v) (long)(v)
#define SIZE(v) sizeof(v)
#define NOTED NOTED_IT(5)
#define WHOLE (BLUE + 4)
`;
/** What follows these lines sees no such macro: who uses one there is found fault with. `WHOLE` is a constant, and may stay a name. */
export const NO_MACROS = [
  ...["twice", "sum_of", "TWICE", "SUM_OF", "NOTE_IT", "NOTHING", "LOOSE", "LOOSE_TOO", "MINUS", "LESS_A"],
  ...["DOUBLE", "LESS", "AS_LONG", "SIZE", "NOTED"],
]
  .map((name) => `#undef ${name}\nenum { ${name} };\n`)
  .join("");

/** Functions that they call. */
export const FUNCTIONS = `static long note(long v) { sum = (sum ^ (unsigned long)v) * 1099511628211ul; if (++logged > 3000) siglongjmp(out, 1); return v; }
static int tick(void) { return ++ticks < 60; }
static long nz(long v) { return (v & 7) + 1; }
static long f0(long a, long b) { return note(a - 3 * b); }
static long f1(long a, long b) { return note(a ^ (b + 7)); }
static fn_t fns[4] = { f0, f1, f1, f0 };
static fn_t pick(long v) { return fns[v & 3]; }
static struct T make(long v) { return (struct T){ .z = v + 1, .c = v }; }
static struct S *get(long v) { return &ring[v & 1]; }
static long text(const char *s) { return note(s != 0); }
static long NOTED_IT(long v) { return note(v + 1); }
static void none(void) { note(77); }
`;

/** Numbers that `walking` walks over, from the middle on: more than a function that ends steps over in either direction. */
export const WALK = 1 << 14;

/** What stands before the functions in a program that runs them. */
export const PRELUDE = `#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
${HEADER}
static struct S ring[2], gs;
static long g[4], walk[${WALK}];
static unsigned long sum;
static int logged, ticks;
static sigjmp_buf out;
${MACROS}${FUNCTIONS}`;

/** Binary operators, the loosest first; what binds how strongly stands in {@link Writer.binary}. */
const LEVELS = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];
/** How strongly things bind: comma, assignment, choice, ten levels of binary operators, unary, postfix, and what is whole by itself. */
const [COMMA, ASSIGN, CHOICE, BINARY, UNARY, POSTFIX, WHOLE] = [0, 1, 2, 3, 13, 14, 15] as const;

type Tokens = readonly string[];
type Rated = readonly [level: number, tokens: Tokens];

const words = (...parts: readonly (string | Tokens)[]): Tokens =>
  parts.flatMap((part) => (typeof part === "string" ? part.split(" ") : part));

/** What a block sees: names by what they are. */
interface Scope {
  readonly longs: readonly string[];
  readonly pointers: readonly string[];
  readonly arrays: readonly string[];
  readonly functions: readonly string[];
  readonly structs: readonly string[];
  readonly parts: readonly string[];
  /** Numbers of other types. */
  readonly others: readonly string[];
  readonly constants: readonly string[];
}

/** Where a statement stands. */
interface Place {
  readonly inLoop: boolean;
  readonly inSwitch: boolean;
  /** Labels that it may go to. */
  readonly labels: readonly string[];
  /** May it declare something? */
  readonly declares: boolean;
  /** Is it in `({ … })`, from which nothing jumps? */
  readonly isClosed: boolean;
}

class Writer extends Dice {
  private names = 0;
  private scope: Scope = {
    longs: ["a", "b"],
    pointers: ["walking"],
    arrays: ["g"],
    functions: ["f0", "f1"],
    structs: ["gs"],
    parts: [],
    others: [],
    constants: ["RED", "BLUE", "DARK", "NEXT"],
  };

  private any<T>(...makes: readonly (() => T)[]): T {
    return this.pick(makes)();
  }

  private list(least: number, most: number, make: () => Tokens): Tokens[] {
    return Array.from({ length: least + this.below(most - least + 1) }, make);
  }

  /** A function's text but for `long name`. */
  function(): string {
    const body = this.inner(() =>
      words(`long * walking = walk + ${WALK / 2} ;`, this.block(6, 3, OUTSIDE), "return", this.value(COMMA, 2), ";"),
    );
    return this.spaced(words("( long a , long b , struct S * s ) {", body, "}"));
  }

  // ---------------------------------------------------------------- white space

  /** Between tokens stands what C allows there. */
  private spaced(tokens: Tokens): string {
    let text = "";
    for (const [i, token] of tokens.entries()) {
      const last = tokens[i - 1] ?? "";
      const mayTouch = /^[()[\]{};,]$/.test(last) || /^[()[\]{};,]$/.test(token);
      text += (mayTouch && this.below(3) === 0 ? "" : this.gap()) + token;
    }
    return text;
  }

  private gap(): string {
    const kind = this.below(40);
    if (kind > 6) return " ";
    return ["\n", "\n\t", " /* else ; } */ ", " // { if \n", " \\\n ", "\t", " /**/"][kind] as string;
  }

  // ---------------------------------------------------------------- values

  /** A number that may stand where `level` binds; in parentheses where it must, and sometimes where it need not. */
  private value(level: number, depth: number): Tokens {
    return this.rated(level, depth <= 0 ? this.leaf() : this.production(depth - 1));
  }

  private rated(level: number, [own, tokens]: Rated): Tokens {
    return own < level || this.below(14) === 0 ? words("(", tokens, ")") : tokens;
  }

  private leaf(): Rated {
    const { longs, others, constants } = this.scope;
    return [
      WHOLE,
      [
        this.any(
          () => this.pick(longs),
          () => this.pick([...longs, ...others]),
          () => this.pick(constants),
          () =>
            this.pick(["0", "1", "2", "7", "0x1F", "017", "3u", "1UL", "9ll", "0b101", "1000000007", "0xfffffffful"]),
          () => this.pick(["'a'", "'\\n'", "'\\''", "'\\\\'", "'\"'", "'\\x41'", "'\\0'", "';'", "'}'"]),
        ),
      ],
    ];
  }

  private production(depth: number): Rated {
    const v = (level: number): Tokens => this.value(level, depth);
    const kind = this.below(60);
    if (kind < 20) return this.binary(depth);
    if (kind < 24) return this.assignment(depth);
    if (kind < 26) return [CHOICE, words(v(BINARY), "?", v(COMMA), ":", v(CHOICE))];
    if (kind < 27) return [CHOICE, words(v(BINARY), "? :", v(CHOICE))];
    if (kind < 28) return [COMMA, words(v(COMMA), ",", v(ASSIGN))];
    if (kind < 32) return [UNARY, words(this.pick(["-", "~", "!", "+"]), v(UNARY))];
    if (kind < 35) return [UNARY, words("(", this.type(), ")", v(UNARY))];
    if (kind < 37) return this.size();
    if (kind < 39) return [UNARY, words(this.pick(["++", "--"]), this.place(UNARY, depth))];
    if (kind < 41) return [POSTFIX, words(this.place(POSTFIX, depth), this.pick(["++", "--"]))];
    if (kind < 47) return this.call(depth);
    if (kind < 52) return this.lvalue(depth);
    if (kind < 55) return this.literal(depth);
    if (kind < 56) return this.builtin(depth);
    if (kind < 57)
      return [
        WHOLE,
        words(
          "( {",
          this.inner(() => words(this.block(2, 1, CLOSED), v(COMMA))),
          "; } )",
        ),
      ];
    if (kind < 58)
      return [
        BINARY + 5,
        words(this.pointer(BINARY + 6, depth), this.pick(["==", "!="]), this.pointer(BINARY + 6, depth)),
      ];
    if (kind < 59) return [POSTFIX, words("text (", this.string(), ")")];
    return this.leaf();
  }

  private binary(depth: number): Rated {
    const at = this.below(LEVELS.length);
    const operator = this.pick(LEVELS[at] as Tokens);
    const left = this.value(BINARY + at, depth);
    const isDivision = operator === "/" || operator === "%";
    return [BINARY + at, words(left, operator, isDivision ? this.divisor() : this.value(BINARY + at + 1, depth))];
  }

  private divisor(): Tokens {
    return this.pick([["3"], ["0x10"], words("nz ( a )"), words("nz ( b )"), words("sizeof ( s32 )")]);
  }

  private assignment(depth: number): Rated {
    const operator = this.pick(["=", "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="]);
    const isDivision = operator === "/=" || operator === "%=";
    return [ASSIGN, words(this.place(UNARY, depth), operator, isDivision ? this.divisor() : this.value(ASSIGN, depth))];
  }

  private type(): string {
    return this.pick([
      "long",
      "int",
      "unsigned char",
      "u8",
      "s32",
      "u64",
      "const long",
      "unsigned long long",
      "short",
      "typeof ( a )",
      "__typeof__ ( s -> x )",
      "u64 const",
      "_Bool",
    ]);
  }

  private size(): Rated {
    const operand = this.any(
      () =>
        words(
          "(",
          this.pick(["long", "struct T", "part_t", "u8", "u8 * ", "struct S *", "part_t [ 3 ]", "fn_t"]).trim(),
          ")",
        ),
      () => [this.pick(this.scope.longs)],
      () => words("s ->", this.pick(["x", "y", "t", "next"])),
      () => words("( s )", this.pick(["-> y", "-> t . c", "[ 0 ] . t"])),
      () => words("( g )", this.pick(["", "[ 1 ]"])).filter((token) => token !== ""),
      () => words("* s"),
      () => words("( ( struct S * ) 0 ) -> t"),
      () => words("( u8 ) a").slice(0, 3),
      () => words("- a"),
      () => words("s -> y [ 1 ]"),
    );
    return [UNARY, words(this.pick(["sizeof", "sizeof", "sizeof", "__alignof__"]), operand)];
  }

  private call(depth: number): Rated {
    const v = (): Tokens => this.value(ASSIGN, depth);
    return this.any<Rated>(
      () => [POSTFIX, words("note (", v(), ")")],
      () => [POSTFIX, words("note (", v(), ")")],
      () => [POSTFIX, words(this.callee(POSTFIX, depth), "(", v(), ",", v(), ")")],
      () => [POSTFIX, words(this.callee(POSTFIX, depth), "(", v(), ",", v(), ")")],
      () => [POSTFIX, words("make (", v(), ") .", this.pick(["z", "c"]))],
      () => [POSTFIX, words("( note ) (", v(), ")")],
      () => [POSTFIX, words(this.pick(["TWICE", "twice", "NOTE_IT"]), "( (", v(), ") )")],
      () => [POSTFIX, words(this.pick(["SUM_OF", "sum_of"]), "( (", v(), ")", this.variable(v), ")")],
      () => this.textual(depth),
    );
  }

  /** What a macro makes of text, which binds with what stands beside it: here it stands where an operand of an operator may. */
  private textual(depth: number): Rated {
    const v = (): Tokens => {
      const value = this.value(BINARY, depth);
      // To a preprocessor, braces are nothing special, and commas in them are.
      return value.includes("{") ? words("(", value, ")") : value;
    };
    return this.any<Rated>(
      () => [UNARY, words(this.pick(["LOOSE", "LOOSE_TOO", "MINUS", "WHOLE", "NOTED"]))],
      () => [UNARY, words(this.pick(["DOUBLE", "LESS", "AS_LONG"]), "(", v(), ")")],
      () => [UNARY, words("SIZE (", this.pick(["u8", "* s", "a", "struct T", "g"]), ")")],
      () => [BINARY + 8, words(this.value(BINARY + 8, depth), "LESS_A")],
    );
  }

  /** What a macro may be given besides. */
  private variable(v: () => Tokens): Tokens {
    return this.any(
      () => [],
      () => words(", NOTHING"),
      () => words(", NOTHING (", v(), ")"),
      () => words(", (", v(), ")"),
    );
  }

  /** What is called with two numbers. */
  private callee(level: number, depth: number): Tokens {
    const [v, s] = [(at: number): Tokens => this.value(at, depth), (): Tokens => this.struct(POSTFIX, depth)];
    return this.rated(
      level,
      this.any<Rated>(
        () => [WHOLE, [this.pick(this.scope.functions)]],
        () => [WHOLE, words("(", this.pick(this.scope.functions), ")")],
        () => [POSTFIX, words(s(), "-> op")],
        () => [POSTFIX, words(this.pick(this.scope.structs), ". op")],
        () => [POSTFIX, words("fns [", this.index(depth), "]")],
        () => [UNARY, words("*", this.pick(this.scope.functions))],
        () => [UNARY, words("*", s(), "-> op")],
        () => [CHOICE, words(v(BINARY), "?", this.pick(this.scope.functions), ": f1")],
        () => [POSTFIX, words("pick (", v(ASSIGN), ")")],
        () => [UNARY, words("( fn_t ) pick (", v(ASSIGN), ")")],
        () => [UNARY, words("( long ( * ) ( long , long ) )", s(), "-> op")],
        () => [UNARY, words("& f0")],
      ),
    );
  }

  /** An index below four. */
  private index(depth: number): Tokens {
    return this.any(
      () => [this.pick(["0", "1", "2", "3"])],
      () => words(this.value(BINARY + 4, depth), "& 3"),
    );
  }

  /** Something that is stored to, where `level` binds. */
  private place(level: number, depth: number): Tokens {
    return this.rated(level, this.lvalue(depth));
  }

  private lvalue(depth: number): Rated {
    const { arrays, longs, others, parts, structs } = this.scope;
    const s = (): Tokens => this.struct(POSTFIX, depth);
    return this.any<Rated>(
      () => [WHOLE, [this.pick(longs)]],
      () => [WHOLE, [this.pick([...longs, ...others])]],
      () => [POSTFIX, words(this.pick(arrays), "[", this.index(depth), "]")],
      () => [POSTFIX, words(this.pick(["0", "2"]), "[", this.pick(arrays), "]")],
      () => [UNARY, words("*", this.pointer(UNARY, depth))],
      () => [POSTFIX, words(this.pointer(POSTFIX, depth), "[ 0 ]")],
      () => [POSTFIX, words(s(), "-> x")],
      () => [POSTFIX, words(s(), "-> y [", this.index(depth), "]")],
      () => [POSTFIX, words(s(), "-> t .", this.pick(["z", "c"]))],
      () => [POSTFIX, words("( *", this.struct(UNARY, depth), ") .", this.pick(["x", "t . z", "y [ 1 ]"]))],
      () => [POSTFIX, words(s(), "[ 0 ] .", this.pick(["x", "next -> x"]))],
      () => [POSTFIX, words(this.pick(structs), ".", this.pick(["x", "t . c", "y [ 3 ]", "next -> x"]))],
      () => [POSTFIX, words(this.pick([...parts, "gs . t"]), ".", this.pick(["z", "c"]))],
      () => [UNARY, words("* & ", this.pick(longs)).filter((token) => token !== "")],
    );
  }

  /** A pointer to a long. */
  private pointer(level: number, depth: number): Tokens {
    const { arrays, longs, pointers } = this.scope;
    return this.rated(
      level,
      this.any<Rated>(
        () => [WHOLE, [this.pick(pointers)]],
        () => [WHOLE, [this.pick(arrays)]],
        () => [UNARY, words("&", this.pick(longs))],
        () => [UNARY, words("&", this.struct(POSTFIX, depth), "-> x")],
        () => [UNARY, words("&", this.pick(arrays), "[", this.index(depth), "]")],
        () => [BINARY + 8, words(this.pick(arrays), "+", this.pick(["0", "1", "2"]))],
        () => [POSTFIX, words("walking", this.pick(["++", "--"]))],
        () => [UNARY, words(this.pick(["++", "--"]), "walking")],
        () => [UNARY, words("( long * ) ( void * )", this.pointer(UNARY, depth - 1))],
        () => [CHOICE, words(this.value(BINARY, depth - 1), "?", this.pick(arrays), ": & b")],
      ),
    );
  }

  /** A pointer to a structure. */
  private struct(level: number, depth: number): Tokens {
    if (depth <= 0) return ["s"];
    return this.rated(
      level,
      this.any<Rated>(
        () => [WHOLE, ["s"]],
        () => [POSTFIX, words("s -> next")],
        () => [POSTFIX, words(this.struct(POSTFIX, depth - 1), "-> next")],
        () => [UNARY, words("&", this.pick(this.scope.structs))],
        () => [POSTFIX, words("get (", this.value(ASSIGN, depth - 1), ")")],
        () => [CHOICE, words(this.value(BINARY, depth - 1), "? s : s -> next")],
        () => [UNARY, words("( struct S * ) ( void * )", this.struct(UNARY, depth - 1))],
        () => [COMMA, words(this.value(ASSIGN, depth - 1), ", s")],
      ),
    );
  }

  /** A compound literal, and a part of it. */
  private literal(depth: number): Rated {
    const v = (): Tokens => this.value(ASSIGN, depth);
    const part = this.pick(["z", "c"]);
    return this.any<Rated>(
      () => [POSTFIX, words("( struct T ) { . z =", v(), ", . c =", v(), "} .", part)],
      () => [POSTFIX, words("( part_t ) {", v(), ",", v(), this.pick([",", ""]) === "," ? [","] : [], "} .", part)],
      () => [POSTFIX, words("( long [ ] ) {", v(), ",", v(), "} [", this.value(BINARY + 4, depth), "& 1 ]")],
      () => [POSTFIX, words("( u64 [ 4 ] ) { [ 1 ] =", v(), ", [ 3 ] =", v(), "} [", this.index(depth), "]")],
      () => [POSTFIX, words("( long [ 4 ] ) { [ 1 ... 2 ] =", v(), ",", v(), "} [", this.index(depth), "]")],
      () => [POSTFIX, words("( & ( struct T ) {", v(), ",", v(), "} ) ->", part)],
      () => [UNARY, words("* ( long [ 2 ] ) {", v(), "}")],
      () => [POSTFIX, words("( long ) {", v(), "}")],
      () => [
        POSTFIX,
        words("( struct S ) { . t . z =", v(), ", . x =", v(), ", . t . c = 4 } .", this.pick(["t . z", "x", "t . c"])),
      ],
      () => [
        POSTFIX,
        words(
          "( struct S ) { . y = {",
          v(),
          ", [ 2 ] =",
          v(),
          "} , . x =",
          v(),
          "} .",
          this.pick(["y [ 2 ]", "x", "y [ 0 ]"]),
        ),
      ],
      () => [
        POSTFIX,
        words("( struct S ) { . y [ 1 ] =", v(), ", . y [ 3 ] =", v(), "} . y [", this.index(depth), "]"),
      ],
    );
  }

  private builtin(depth: number): Rated {
    return [
      POSTFIX,
      this.any(
        () => words("__builtin_expect (", this.value(ASSIGN, depth), ", 0 )"),
        () => words("__builtin_expect ( ! ! (", this.value(COMMA, depth), ") , 1 )"),
        () =>
          words(
            "__builtin_types_compatible_p (",
            this.pick(["long , s32", "int , s32", "struct S * , typeof ( s )"]),
            ")",
          ),
        () => words("__builtin_offsetof ( struct S ,", this.pick(["t", "t . c", "y [ 1 ]"]), ")"),
        () => words("offsetof ( struct S ,", this.pick(["t", "t . c", "y [ 1 ]"]), ")"),
        () => words("__builtin_choose_expr ( 1 ,", this.value(ASSIGN, depth), ", 0 )"),
        () => words("__builtin_constant_p ( 3 )"),
      ),
    ];
  }

  private string(): Tokens {
    return this.list(1, 3, () => [
      this.pick(['"a"', '"; } else {"', '"\\" /* "', '"\\\\"', '"// no"', '"\'"', '""']),
    ]).flat();
  }

  // ---------------------------------------------------------------- statements

  /** What is declared in it is gone after it. */
  private inner<T>(make: () => T): T {
    const before = this.scope;
    const made = make();
    this.scope = before;
    return made;
  }

  private fresh(prefix: string): string {
    return `${prefix}${this.names++}`;
  }

  /** Declarations, then statements. Labels stand among these only, so that nothing jumps past a declaration. */
  private block(most: number, depth: number, place: Place): Tokens {
    const declarations = place.declares ? this.list(0, 2, () => this.declaration(depth)) : [];
    const label = place.isClosed || this.below(5) > 0 ? null : this.fresh("label");
    const inside = {
      ...place,
      declares: place.declares && label === null,
      labels: label === null ? place.labels : [...place.labels, label],
    };
    const statements = this.list(0, most, () => this.statement(depth, inside));
    if (label !== null) {
      const marked = words(
        label,
        ":",
        this.any(
          () => this.statement(depth, inside),
          () => [";"],
        ),
      );
      statements.splice(this.below(statements.length + 1), 0, marked);
    }
    return [...declarations, ...statements].flat();
  }

  private braced(most: number, depth: number, place: Place): Tokens {
    return words(
      "{",
      this.inner(() => this.block(most, depth - 1, { ...place, declares: true })),
      "}",
    );
  }

  /** What a test or a loop governs. */
  private governed(depth: number, place: Place): Tokens {
    const inside = { ...place, declares: false };
    return this.any(
      () => this.braced(3, depth, place),
      () => this.statement(depth - 1, inside),
      () => this.statement(depth - 1, inside),
      () => [";"],
    );
  }

  private statement(depth: number, place: Place): Tokens {
    const v = (): Tokens => this.value(COMMA, 3);
    const kind = this.below(depth > 0 ? 30 : 14);
    if (kind < 6) return words(v(), ";");
    if (kind < 8) return words("note (", this.value(ASSIGN, 3), ") ;");
    if (kind < 9) return this.plain();
    if (kind < 10) return place.declares ? this.declaration(depth) : words(v(), ";");
    if (kind < 14) return this.jump(place);
    if (kind < 21) return this.test(depth, place);
    if (kind < 26) return this.loop(depth, place);
    if (kind < 29) return this.switch(depth, place);
    return this.braced(4, depth, place);
  }

  private plain(): Tokens {
    return this.any(
      () => [";"],
      () => words("( void )", this.value(UNARY, 2), ";"),
      () => words("none ( ) ;"),
      () => words('__asm__ volatile ( "" ) ;'),
      () => words("* walking ++ =", this.value(ASSIGN, 2), ";"),
      () => words("s = s -> next ;"),
      () => words("__attribute__ ( ( unused ) ) ;").slice(-1),
    );
  }

  private jump(place: Place): Tokens {
    const leave = (): Tokens =>
      place.isClosed ? [";"] : words("if (", this.value(COMMA, 2), ") return", this.value(COMMA, 2), ";");
    const label = place.labels.length > 0 && !place.isClosed ? this.pick(place.labels) : null;
    return this.any(
      () => (place.inLoop ? words(this.pick(["continue", "break"]), ";") : place.inSwitch ? words("break ;") : leave()),
      () => (place.inLoop || place.inSwitch ? words("if (", this.value(COMMA, 2), ") break ;") : leave()),
      leave,
      () => (label === null ? leave() : words("if ( tick ( ) ) goto", label, ";")),
    );
  }

  private test(depth: number, place: Place): Tokens {
    const head = words("if (", this.value(COMMA, 3), ")");
    // An `else` belongs to the nearest test, which may be one inside.
    if (this.below(2) === 0) return words(head, this.governed(depth, place));
    return words(head, this.governed(depth, place), "else", this.governed(depth, place));
  }

  private loop(depth: number, place: Place): Tokens {
    const inside = { ...place, inLoop: true };
    const go = (): Tokens =>
      this.any(
        () => words("tick ( ) &&", this.value(BINARY + 2, 2)),
        () => words("tick ( )"),
        () => words(this.value(ASSIGN, 1), ", tick ( )"),
      );
    return this.any(
      () => words("while (", go(), ")", this.governed(depth, inside)),
      () => words("do", this.governed(depth, inside), "while (", go(), ") ;"),
      () =>
        words(
          "for (",
          this.below(2) === 0 ? this.value(COMMA, 2) : [],
          ";",
          go(),
          ";",
          this.below(2) === 0 ? this.value(COMMA, 2) : [],
          ")",
          this.governed(depth, inside),
        ),
      () =>
        this.inner(() => {
          const [i, p] = [this.fresh("i"), this.fresh("p")];
          const head = this.any(
            () => words("long", i, "= 0 ;"),
            () => words("long", i, "=", this.value(ASSIGN, 1), ", *", p, "= &", i, ";"),
          );
          this.declare({ longs: [i] });
          return words(
            "for (",
            head,
            i,
            "< 3 && tick ( ) ;",
            this.any(
              () => words(i, "++"),
              () => words("++", i, ", note (", i, ")"),
            ),
            ")",
            this.governed(depth, inside),
          );
        }),
      () =>
        words(
          "each_of (",
          this.pick(this.scope.longs),
          ", (",
          this.value(COMMA, 2),
          ") )",
          this.governed(depth, inside),
        ),
    );
  }

  private switch(depth: number, place: Place): Tokens {
    const inside = { ...place, inSwitch: true, declares: false };
    const labels = [
      "0",
      "1",
      "2",
      "3",
      "DARK",
      "BLUE",
      "'a'",
      "10 ... 20",
      "30 ... 30 + 2",
      "1 ? 40 : 41",
      "( 50 )",
      "- 9 ... - 7",
      "sizeof ( s32 )",
    ];
    const chosen = labels.filter(() => this.below(3) === 0);
    const cases = chosen.map((label) => words("case", label, ":"));
    if (this.below(3) > 0) cases.splice(this.below(cases.length + 1), 0, words("default :"));
    const bodies = cases.map((label) => words(label, this.list(0, 3, () => this.statement(depth - 1, inside)).flat()));
    const last = this.below(2) === 0 ? [] : words("break ;");
    const close = bodies.length > 0 && bodies.at(-1)?.at(-1) === ":" && last.length === 0 ? words(";") : last;
    return words(
      "switch (",
      this.value(COMMA, 2),
      this.below(2) === 0 ? [] : [],
      ") {",
      bodies.flat(),
      bodies.length > 0 ? close : [],
      "}",
    );
  }

  // ---------------------------------------------------------------- declarations

  private declare(more: Partial<Scope>): void {
    const { scope } = this;
    this.scope = {
      ...scope,
      longs: [...scope.longs, ...(more.longs ?? [])],
      pointers: [...scope.pointers, ...(more.pointers ?? [])],
      arrays: [...scope.arrays, ...(more.arrays ?? [])],
      functions: [...scope.functions, ...(more.functions ?? [])],
      structs: [...scope.structs, ...(more.structs ?? [])],
      parts: [...scope.parts, ...(more.parts ?? [])],
      others: [...scope.others, ...(more.others ?? [])],
      constants: [...scope.constants, ...(more.constants ?? [])],
    };
  }

  private declaration(depth: number): Tokens {
    const v = (): Tokens => this.value(ASSIGN, Math.min(depth, 2));
    const make = (more: Partial<Scope>, ...parts: readonly (string | Tokens)[]): Tokens => {
      const tokens = words(...parts);
      this.declare(more);
      return tokens;
    };
    const [x, y, arr, fp, sv] = [
      this.fresh("x"),
      this.fresh("y"),
      this.fresh("arr"),
      this.fresh("fp"),
      this.fresh("sv"),
    ];
    return this.any(
      () => make({ longs: [x] }, this.pick(["long", "register long"]).replace("register ", ""), x, "=", v(), ";"),
      () => make({ longs: [x, y] }, "long", x, "=", v(), ",", y, "=", v(), ";"),
      () => make({ longs: [x], pointers: [y] }, "long", x, "=", v(), ", *", y, "= &", x, ";"),
      () =>
        make(
          { longs: [x], arrays: [arr] },
          "long",
          arr,
          "[ 4 ] = {",
          v(),
          ", [ 2 ] =",
          v(),
          ",",
          v(),
          "} ,",
          x,
          "= 1 ;",
        ),
      () => make({ arrays: [arr] }, "long", arr, "[ 4 ] = { [ 0 ... 2 ] =", v(), ",", v(), "} ;"),
      () => make({ arrays: [arr] }, "long", arr, "[ 4 ] = { 0 } ;"),
      () =>
        make(
          { pointers: [y] },
          this.pick(["long * const", "long *", "typeof ( a ) *"]),
          y,
          "=",
          this.pointer(ASSIGN, 2),
          ";",
        ),
      () =>
        make({ constants: [x] }, this.pick(["const long", "long const", "const u8", "s32 const"]), x, "=", v(), ";"),
      () =>
        make(
          { others: [x] },
          this.pick([
            "u8",
            "s32",
            "int",
            "unsigned",
            "unsigned char",
            "u64",
            "short int",
            "_Bool",
            "typeof ( b )",
            "unsigned long long",
          ]),
          x,
          "=",
          v(),
          ";",
        ),
      () => make({ longs: [x], arrays: [arr] }, "static long", x, "= 3 ,", arr, "[ 4 ] = { [ 1 ] = 7 , 2 } ;"),
      () => make({ constants: [x] }, this.pick(["static const u8", "const static long"]), x, "= BLUE * 3 ;"),
      () => make({ constants: [x] }, "__auto_type", x, "=", v(), ";"),
      () => make({ functions: [fp] }, "fn_t", fp, "=", this.callee(ASSIGN, 2), ";"),
      () => make({ functions: [fp] }, "long ( *", fp, ") ( long , long ) =", this.callee(ASSIGN, 2), ";"),
      () =>
        make(
          { structs: [sv] },
          "struct S",
          sv,
          "= { . x =",
          v(),
          ", . y = {",
          v(),
          ", [ 2 ] =",
          v(),
          "} , . t . z =",
          v(),
          ", . next = s , . op = f0 } ;",
        ),
      () => make({ structs: [sv] }, "struct S", sv, "= {", v(), ", {", v(), "} , {", v(), ", 3 } , s , f1 } ;"),
      () => make({ structs: [sv] }, "struct S", sv, "= * s ;"),
      () =>
        make(
          { parts: [sv] },
          this.pick(["struct T", "part_t"]),
          sv,
          "=",
          this.any(
            () => words("{", v(), "}"),
            () => words("make (", v(), ")"),
            () => words("( part_t ) { . c =", v(), "}"),
          ),
          ";",
        ),
      () => make({}, "extern long f9 ( long , char * ) , f8 ( void ) ;"),
      () =>
        make({ longs: [x] }, "__attribute__ ( ( unused ) ) long", x, "__attribute__ ( ( aligned ( 8 ) ) ) =", v(), ";"),
      () => make({}, "enum {", x, ",", y, "= 6 } ;"),
      () => make({}, "u8 * f7 ( u8 ) ;"),
    );
  }
}

const OUTSIDE: Place = { inLoop: false, inSwitch: false, labels: [], declares: true, isClosed: false };
const CLOSED: Place = { ...OUTSIDE, isClosed: true };

/** A function's text from its parameters on: `(long a, long b, struct S *s) { … }`. */
export const randomFunction = (seed: number): string => new Writer(seed).function();
