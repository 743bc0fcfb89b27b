/**
 * May a function write through one of its pointer parameters? A textual answer that errs towards yes.
 *
 * Calls that are not followed make what their arguments point to unknown; knowing that a function only reads through a
 * parameter keeps what is known.
 */

import type { FunctionInfo, Program } from "./program.ts";

export class ParameterWrites {
  private readonly program: Program;
  /** Calls that are known not to write through their arguments. */
  private readonly harmless: ReadonlySet<string>;
  private readonly known = new Map<string, boolean>();

  constructor(program: Program, harmless: readonly string[]) {
    this.program = program;
    this.harmless = new Set(harmless);
  }

  /** True unless the function's text shows that it never writes through the parameter at `index`, nor hands it on to one that may. */
  mayWrite(info: FunctionInfo, index: number): boolean {
    const key = `${info.file}:${info.name}:${index}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    this.known.set(key, false); // recursion adds nothing
    const result = this.compute(info, index);
    this.known.set(key, result);
    return result;
  }

  private compute(info: FunctionInfo, index: number): boolean {
    const text = this.program.texts.get(info.file) ?? "";
    const parameter = parameterList(text, info)[index];
    if (parameter === undefined) return true;
    const name = /(\w+)\s*(?:\[[^\]]*\]\s*)*$/.exec(parameter)?.[1];
    if (!name) return true;
    if (!/[*[]/.test(parameter)) return false; // passed by value
    const body = text.slice(info.bodyStart, info.bodyEnd);
    const written = new RegExp(
      `(?:\\*\\s*\\(?\\s*${name}\\b\\)?|\\b${name}\\s*(?:->|\\[)[^;=!<>]*)\\s*(?:[-+*/|&^]|<<|>>)?=(?!=)|\\b${name}\\s*(?:->|\\[)[^;=!<>]*(?:\\+\\+|--)|\\(\\s*\\*\\s*${name}\\s*\\)\\s*\\.[^;=!<>]*=(?!=)`,
    );
    if (written.test(body)) return true;
    return this.handsOn(info, body, name);
  }

  /** Is the bare parameter, or an address inside what it points to, given to something that may write? */
  private handsOn(info: FunctionInfo, body: string, name: string): boolean {
    const bare = new RegExp(`(?<![\\w.>])&?\\s*${name}\\b(?:(?:->|\\[|\\.)[\\w.\\->\\[\\]]*)?`, "g");
    for (const match of body.matchAll(bare)) {
      const isAddress = match[0].startsWith("&");
      const isBare = match[0].replace(/^&\s*/, "") === name;
      // An element behind a pointer member is not part of the structure itself.
      if ((!isAddress && !isBare) || /->.*\[/.test(match[0])) continue;
      const call = this.insideCall(body, match.index);
      if (!call) {
        const comparison = /\s*(?:==|!=|&&|\|\||\))/y;
        comparison.lastIndex = match.index + match[0].length;
        if (comparison.test(body)) continue;
        return true; // copied into a variable, or something else that this does not follow
      }
      if (this.harmless.has(call.name)) continue;
      const callee = this.program.resolve(call.name, info.file);
      if (!callee || this.mayWrite(callee, call.index)) return true;
    }
    return false;
  }

  /** The innermost call around an offset, and which argument the offset is in. */
  private insideCall(body: string, offset: number): { name: string; index: number } | null {
    let depth = 0;
    let index = 0;
    for (let i = offset - 1; i >= 0; i--) {
      const c = body[i];
      if (c === ")") depth++;
      else if (c === "(") {
        if (depth > 0) depth--;
        else {
          const name = /(\w+)\s*$/.exec(body.slice(Math.max(0, i - 80), i))?.[1];
          if (name && !/^(if|while|for|switch|return|sizeof)$/.test(name)) return { name, index };
          if (name) return null;
        }
      } else if (c === "," && depth === 0) index++;
      else if ((c === ";" || c === "{" || c === "}") && depth === 0) return null;
    }
    return null;
  }
}

/** A function's parameter declarations, as written. */
function parameterList(text: string, info: FunctionInfo): string[] {
  const head = text.slice(info.headStart, info.bodyStart);
  const list = /\(([\s\S]*)\)/.exec(head)?.[1] ?? "";
  return list.split(",").map((part) => part.trim());
}
