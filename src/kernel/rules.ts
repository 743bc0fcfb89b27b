/** What the extraction is told of a hypervisor, as data: the schema of rules files, `seamlock/kernel-rules@1`, and their loading. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Dialect } from "../c/index.ts";
import { SeamlockError } from "../errors.ts";
import { checkKind, invalidField, readYaml } from "../host/index.ts";

const text = z.string().min(1);
const names = z.array(text);

const scopeSchema = z.strictObject({
  folders: names.min(1).describe("folders whose .c and .h files are read"),
  files: names.describe("further files: headers with types, constants and inline functions"),
  except: names.default([]).describe("paths that are left out; `*` stands for any characters"),
});

const dialectSchema = z.strictObject({
  blank: names,
  blankCalls: names,
  replace: z.record(text, text),
  weak: names,
  definedCalls: names,
  governs: names,
  keep: names,
  types: names,
});

/** `seamlock/kernel-rules@1`. */
export const kernelRulesSchema = z.strictObject({
  schema: z.literal("seamlock/kernel-rules@1"),
  name: text,
  description: text,
  scope: scopeSchema,
  config: names.describe("symbols that the build defines"),
  dialect: dialectSchema,
});

export type ScopeRules = z.infer<typeof scopeSchema>;
export type KernelRules = z.infer<typeof kernelRulesSchema>;

/**
 * Reads a rules file.
 *
 * @throws SeamlockError SL3001 to SL3007, as for host profiles
 */
export function parseKernelRules(content: string, file: string): KernelRules {
  const yaml = readYaml(content, file, "rules file");
  checkKind(yaml, "seamlock/kernel-rules", "1", "rules file");
  const parsed = kernelRulesSchema.safeParse(yaml.value);
  if (!parsed.success) throw invalidField(parsed.error, yaml, "docs/kernel-rules.md describes every field");
  return parsed.data;
}

const BUNDLED = join("data", "kernel-rules", "linux-kvm.yaml");

/**
 * The rules for Linux KVM that seamlock brings along.
 *
 * @throws SeamlockError SL0008 when they are not beside the program
 */
export function bundledKernelRules(): KernelRules {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const file = join(folder, BUNDLED);
    if (existsSync(file)) return parseKernelRules(readFileSync(file, "utf8"), file);
    if (folder === dirname(folder)) break;
  }
  throw new SeamlockError("SL0008", "the bundled rules for kernels are not beside the program", {
    hint: "install the package again",
  });
}

/** What the C reader is told. */
export function dialectOf({ config, dialect }: KernelRules): Dialect {
  return {
    replaceTokens: dialect.replace,
    blankTokens: dialect.blank,
    blankCalls: dialect.blankCalls,
    defined: Object.fromEntries(config.map((name) => [name, "1"])),
    definedCalls: dialect.definedCalls,
    sharedHeaders: true,
    expand: { keep: dialect.keep },
    governs: dialect.governs,
    weakTokens: dialect.weak,
    types: dialect.types,
  };
}
