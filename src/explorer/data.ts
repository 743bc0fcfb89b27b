/** What the explorer shows: one document, which its server and the one-file report both carry. */
import type { Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";

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
}

interface Wire extends Omit<ExplorerData, "modules"> {
  /** Catalogs as texts in the text, so that a page takes apart only those that it shows. */
  readonly modules: readonly { readonly name: string; readonly text: string }[];
}

/** The document as it travels to a page. */
export function pack(data: ExplorerData): string {
  const modules = data.modules.map(({ name, catalog }) => ({ name, text: JSON.stringify(catalog) }));
  return JSON.stringify({ ...data, modules } satisfies Wire);
}

/** What {@link pack} made. A catalog is read when it is first asked for. */
export function unpack(text: string): ExplorerData {
  const wire = JSON.parse(text) as Wire;
  return { ...wire, modules: wire.modules.map(lazy) };
}

function lazy({ name, text }: Wire["modules"][number]): NamedModule {
  let catalog: Catalog | null = null;
  return {
    name,
    get catalog() {
      catalog ??= JSON.parse(text) as Catalog;
      return catalog;
    },
  };
}
