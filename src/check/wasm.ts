/**
 * As much of the WebAssembly binary format as the search kernel needs: functions over i32 (f64 or i64 on the way where integers get too large),
 * one imported memory. Instructions are appended in the order in which a stack machine runs them, so no tree is built.
 */

export const I32 = 0x7f;
export const F64 = 0x7c;
type ValueType = typeof I32 | typeof F64;

/** Instructions without an operand, by the names of the specification (the type's prefix left out for i32). */
const PLAIN = {
  unreachable: 0x00,
  return: 0x0f,
  drop: 0x1a,
  ctz: 0x68,
  eqz: 0x45,
  eq: 0x46,
  ne: 0x47,
  lt_s: 0x48,
  lt_u: 0x49,
  gt_s: 0x4a,
  gt_u: 0x4b,
  le_s: 0x4c,
  ge_s: 0x4e,
  ge_u: 0x4f,
  add: 0x6a,
  sub: 0x6b,
  mul: 0x6c,
  div_s: 0x6d,
  div_u: 0x6e,
  rem_s: 0x6f,
  and: 0x71,
  or: 0x72,
  xor: 0x73,
  shl: 0x74,
  shr_s: 0x75,
  shr_u: 0x76,
  f64_eq: 0x61,
  f64_ne: 0x62,
  f64_lt: 0x63,
  f64_gt: 0x64,
  f64_le: 0x65,
  f64_ge: 0x66,
  f64_trunc: 0x9d,
  f64_add: 0xa0,
  f64_sub: 0xa1,
  f64_mul: 0xa2,
  f64_div: 0xa3,
  f64_convert: 0xb7,
  i64_extend_u: 0xad,
  i64_mul: 0x7e,
  i64_shr_u: 0x88,
  wrap: 0xa7,
} as const;
export type Plain = keyof typeof PLAIN;

/** The same for four words at once. */
const VECTOR = {
  splat: [0x11],
  xor: [0x51],
  shr_u: [0xad, 0x01],
  eq: [0x37],
  bitmask: [0xa4, 0x01],
} as const;
export type Vector = keyof typeof VECTOR;

function unsigned(into: number[], value: number): void {
  let rest = value >>> 0;
  while (rest > 127) {
    into.push((rest & 127) | 128);
    rest >>>= 7;
  }
  into.push(rest);
}

function signed(into: number[], value: number): void {
  let rest = value | 0;
  for (;;) {
    const byte = rest & 127;
    rest >>= 7;
    if ((rest === 0 && (byte & 64) === 0) || (rest === -1 && (byte & 64) !== 0)) {
      into.push(byte);
      return;
    }
    into.push(byte | 128);
  }
}

/** A place that can be branched to: the end of a block or `if`, the start of a loop. */
export interface Target {
  readonly depth: number;
}

/** The body of one function. Locals are i32, the parameters first. */
export class Code {
  readonly bytes: number[] = [];
  readonly parameters: number;
  #locals: number;
  #depth = 0;
  readonly #free: number[] = [];

  constructor(parameters: number) {
    this.parameters = parameters;
    this.#locals = parameters;
  }

  /** How many locals there are beyond the parameters. */
  get locals(): number {
    return this.#locals - this.parameters;
  }

  /** A local for as long as `use` runs; its value at first is whatever was there before. */
  temporary<T>(use: (local: number) => T): T {
    const local = this.#free.pop() ?? this.#locals++;
    const result = use(local);
    this.#free.push(local);
    return result;
  }

  /** A local, or the first of several in a row, of its own. */
  local(count = 1): number {
    const first = this.#locals;
    this.#locals += count;
    return first;
  }

  op(...names: Plain[]): this {
    for (const name of names) this.bytes.push(PLAIN[name]);
    return this;
  }

  const(value: number): this {
    this.bytes.push(0x41);
    signed(this.bytes, value);
    return this;
  }

  /** A small i64. */
  i64(value: number): this {
    this.bytes.push(0x42);
    signed(this.bytes, value);
    return this;
  }

  f64(value: number): this {
    this.bytes.push(0x44, ...new Uint8Array(new Float64Array([value]).buffer));
    return this;
  }

  /** An f64 as an i32; what does not fit becomes the nearest that does. */
  saturate(): this {
    this.bytes.push(0xfc, 0x02);
    return this;
  }

  get(local: number): this {
    this.bytes.push(0x20);
    unsigned(this.bytes, local);
    return this;
  }

  set(local: number): this {
    this.bytes.push(0x21);
    unsigned(this.bytes, local);
    return this;
  }

  tee(local: number): this {
    this.bytes.push(0x22);
    unsigned(this.bytes, local);
    return this;
  }

  #memory(opcode: number, align: number, offset: number): this {
    this.bytes.push(opcode, align);
    unsigned(this.bytes, offset);
    return this;
  }

  /** Push where in the memory the thread's own things begin: the imported `env.own`. */
  own(): this {
    this.bytes.push(0x23, 0);
    return this;
  }

  /** Address on the stack, plus `offset`: the 32-bit word there. */
  load(offset = 0): this {
    return this.#memory(0x28, 2, offset);
  }

  /** Address and value on the stack. */
  store(offset = 0): this {
    return this.#memory(0x36, 2, offset);
  }

  load8(offset = 0): this {
    return this.#memory(0x2d, 0, offset);
  }

  store8(offset = 0): this {
    return this.#memory(0x3a, 0, offset);
  }

  load16(offset = 0): this {
    return this.#memory(0x2f, 0, offset);
  }

  store16(offset = 0): this {
    return this.#memory(0x3b, 0, offset);
  }

  /** Four 32-bit words at once; their addresses are multiples of 16. */
  load4(offset = 0): this {
    this.bytes.push(0xfd);
    return this.#memory(0x00, 4, offset);
  }

  /** Like `load`, and all that another thread wrote before it stored this word is seen from here on. */
  atomicLoad(offset = 0): this {
    this.bytes.push(0xfe);
    return this.#memory(0x10, 2, offset);
  }

  /** Address and value on the stack: add the value to the word, in one step; its old value is pushed. */
  atomicAdd(offset = 0): this {
    this.bytes.push(0xfe);
    return this.#memory(0x1e, 2, offset);
  }

  /** Address, expected and new value on the stack: replace the word if it has the expected value, in one step; its old value is pushed. */
  compareExchange(offset = 0): this {
    this.bytes.push(0xfe);
    return this.#memory(0x48, 2, offset);
  }

  op4(...names: Vector[]): this {
    for (const name of names) this.bytes.push(0xfd, ...VECTOR[name]);
    return this;
  }

  call(index: number): this {
    this.bytes.push(0x10);
    unsigned(this.bytes, index);
    return this;
  }

  #nested(opcode: number, type: number, body: (target: Target) => void): this {
    this.bytes.push(opcode, type);
    this.#depth++;
    body({ depth: this.#depth });
    this.#depth--;
    this.bytes.push(0x0b);
    return this;
  }

  block(body: (end: Target) => void): this {
    return this.#nested(0x02, 0x40, body);
  }

  loop(body: (start: Target) => void): this {
    return this.#nested(0x03, 0x40, body);
  }

  /** Condition on the stack. */
  if(then: (end: Target) => void, otherwise?: (end: Target) => void): this {
    return this.#nested(0x04, 0x40, (end) => {
      then(end);
      if (otherwise === undefined) return;
      this.bytes.push(0x05);
      otherwise(end);
    });
  }

  /** Condition on the stack; each branch leaves one value. */
  choose(type: ValueType, then: () => void, otherwise: () => void): this {
    return this.#nested(0x04, type, () => {
      then();
      this.bytes.push(0x05);
      otherwise();
    });
  }

  br({ depth }: Target): this {
    this.bytes.push(0x0c);
    unsigned(this.bytes, this.#depth - depth);
    return this;
  }

  brIf({ depth }: Target): this {
    this.bytes.push(0x0d);
    unsigned(this.bytes, this.#depth - depth);
    return this;
  }

  /** Index on the stack: go to that target, or to the last when there is none. */
  brTable(targets: readonly Target[], otherwise: Target): this {
    this.bytes.push(0x0e);
    unsigned(this.bytes, targets.length);
    for (const { depth } of [...targets, otherwise]) unsigned(this.bytes, this.#depth - depth);
    return this;
  }
}

/** A function's type: numbers of i32 (or, for imports, f64) parameters and results. */
interface Signature {
  readonly parameters: readonly ValueType[];
  readonly result: ValueType | null;
}

const repeated = (count: number): ValueType[] => Array.from({ length: count }, () => I32);

/** A module under construction. Imported functions are declared before any other function. */
export class ModuleBuilder {
  readonly #types: Signature[] = [];
  readonly #imports: { name: string; type: number }[] = [];
  readonly #functions: { type: number; code: Code | null; name: string | null }[] = [];

  #type(signature: Signature): number {
    const key = JSON.stringify(signature);
    const known = this.#types.findIndex((type) => JSON.stringify(type) === key);
    return known >= 0 ? known : this.#types.push(signature) - 1;
  }

  /** Import `env.name`. Returns its number. */
  import(name: string, parameters: readonly ValueType[], result: ValueType): number {
    return this.#imports.push({ name, type: this.#type({ parameters, result }) }) - 1;
  }

  /** A function over i32, exported under `name` when there is one. Its number is known before `body` runs, so it may call itself. */
  function(name: string | null, parameters: number, result: boolean, body: (code: Code) => void): number {
    const type = this.#type({ parameters: repeated(parameters), result: result ? I32 : null });
    const entry = { type, code: null as Code | null, name };
    const index = this.#functions.push(entry) - 1 + this.#imports.length;
    const code = new Code(parameters);
    body(code);
    entry.code = code;
    return index;
  }

  /** The module. It imports its memory as `env.memory`, of at least `pages` pages, and the constant `env.own`. */
  bytes(pages: number, shared: boolean): Uint8Array<ArrayBuffer> {
    let out: number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
    const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];
    const number = (value: number) => {
      const bytes: number[] = [];
      unsigned(bytes, value);
      return bytes;
    };
    const section = (id: number, items: readonly number[][]) => {
      const body = number(items.length).concat(...items);
      out = out.concat(id, number(body.length), body);
    };
    section(
      1,
      this.#types.map(({ parameters, result }) => [
        0x60,
        ...number(parameters.length),
        ...parameters,
        ...(result === null ? [0] : [1, result]),
      ]),
    );
    const limits = shared ? [0x03, ...number(pages), ...number(MAX_PAGES)] : [0x00, ...number(pages)];
    section(2, [
      ...this.#imports.map(({ name, type }) => [...text("env"), ...text(name), 0x00, ...number(type)]),
      [...text("env"), ...text("memory"), 0x02, ...limits],
      [...text("env"), ...text("own"), 0x03, I32, 0x00],
    ]);
    section(
      3,
      this.#functions.map(({ type }) => number(type)),
    );
    section(
      7,
      this.#functions.flatMap(({ name }, i) =>
        name === null ? [] : [[...text(name), 0x00, ...number(i + this.#imports.length)]],
      ),
    );
    section(
      10,
      this.#functions.map(({ code }) => {
        const { locals, bytes } = code as Code;
        const body = [...(locals === 0 ? [0] : [1, ...number(locals), I32])];
        const size = number(body.length + bytes.length + 1);
        return size.concat(body, bytes, 0x0b);
      }),
    );
    return new Uint8Array(out);
  }
}

/** Compiled code; can be sent to a worker. */
export type CompiledModule = object;
export interface LinearMemory {
  readonly buffer: ArrayBufferLike;
  /** Grow by so many pages of 64 KiB. Throws a RangeError when there is no memory left. */
  grow(pages: number): number;
}

/** The part of the standard API that is used; its types are in no library that Node's code is compiled with. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => CompiledModule;
  readonly Memory: new (limits: { initial: number; maximum?: number; shared?: boolean }) => LinearMemory;
  readonly Instance: new (
    module: CompiledModule,
    imports: { readonly env: Readonly<Record<string, unknown>> },
  ) => { readonly exports: object };
};

/** A memory holds at most 4 GiB. */
export const MAX_PAGES = 65536;
export const MAX_BYTES = 65536 * MAX_PAGES;

export const compile = (bytes: Uint8Array): CompiledModule => new WebAssembly.Module(bytes);

export const newMemory = (pages: number, shared: boolean): LinearMemory =>
  new WebAssembly.Memory({ initial: pages, ...(shared && { maximum: MAX_PAGES, shared }) });

/** Run code on a memory, for the thread whose own things begin at an address. The caller knows what it exports. */
export const instantiate = <E>(
  module: CompiledModule,
  { memory, own }: { readonly memory: LinearMemory; readonly own: number },
  functions: Readonly<Record<string, unknown>>,
): E => new WebAssembly.Instance(module, { env: { memory, own, ...functions } }).exports as E;
