/** What the explorer shows: one document, which its server and the one-file report both carry. */
import type { Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";
import type { Before } from "./before.ts";
import { type Interned, intern, lengthOf, partOf, restore } from "./interned.ts";

/** A module under the name by which the command line and URLs know it. */
export interface NamedModule {
  readonly name: string;
  readonly catalog: Catalog;
}

/** A host under the name by which the command line and URLs know it. */
export interface NamedHost {
  readonly name: string;
  readonly profile: HostProfile;
}

/** A scenario file, as its author wrote it. */
export interface ScenarioFile {
  readonly name: string;
  readonly text: string;
}

/** `seamlock/explorer@1`. Modules stand oldest first. */
export interface ExplorerData {
  readonly schema: "seamlock/explorer@1";
  readonly modules: readonly NamedModule[];
  readonly hosts: readonly NamedHost[];
  readonly scenarios: readonly ScenarioFile[];
  /** What a URL that names no module or host means. */
  readonly initial: { readonly module: string; readonly host: string | null };
  /** With what each is compared unless a URL says: the last one before it that differs. */
  readonly before: { readonly modules: Before; readonly hosts: Before };
  /** The newest bundled kernel, which scenarios call `latest`; left out where none is bundled. */
  readonly newestHost?: string;
  /** Names of modules that are source trees, which most verbs take only once they are extracted; left out where there are none. */
  readonly moduleTrees?: readonly string[];
}

/** An answer that a page need not work out, with its question's name. */
export interface FirstAnswer {
  readonly key: string;
  readonly answer: unknown;
}

/** The document as it travels to a page, with what its first view shows. */
export function pack(data: ExplorerData, answers: readonly FirstAnswer[] = []): string {
  return JSON.stringify(intern({ ...data, answers }));
}

/** What {@link pack} made. A catalog is read when it is first asked for. */
export function unpack(text: string): { readonly data: ExplorerData; readonly answers: readonly FirstAnswer[] } {
  const interned = JSON.parse(text) as Interned;
  const part = (name: string): number => partOf(interned, interned.root, name) ?? -1;
  const read = <T>(name: string): T => restore(interned, part(name)) as T;
  const modules = part("modules");
  const data: ExplorerData = {
    schema: "seamlock/explorer@1",
    modules: Array.from({ length: lengthOf(interned, modules) }, (_, i) =>
      lazy(interned, partOf(interned, modules, i) ?? -1),
    ),
    hosts: read("hosts"),
    scenarios: read("scenarios"),
    initial: read("initial"),
    before: read("before"),
    ...(part("newestHost") < 0 ? {} : { newestHost: read<string>("newestHost") }),
    ...(part("moduleTrees") < 0 ? {} : { moduleTrees: read<readonly string[]>("moduleTrees") }),
  };
  return { data, answers: read("answers") };
}

function lazy(interned: Interned, at: number): NamedModule {
  let catalog: Catalog | null = null;
  return {
    name: restore(interned, partOf(interned, at, "name") ?? -1) as string,
    get catalog() {
      catalog ??= restore(interned, partOf(interned, at, "catalog") ?? -1) as Catalog;
      return catalog;
    },
  };
}
