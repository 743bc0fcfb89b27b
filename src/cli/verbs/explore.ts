import { spawn } from "node:child_process";
import { SeamlockError } from "../../errors.ts";
import { type Excerpts, type Explorer, serve } from "../../explorer/index.ts";
import { explorerData, treeExcerpts } from "../explorer-data.ts";
import { hostOption } from "../hosts.ts";
import { EXIT, type Io } from "../io.ts";
import { jsonText } from "../json.ts";
import { moduleOption } from "../options.ts";
import { defineVerb } from "../verb.ts";

interface Options {
  readonly module?: string;
  readonly host?: string;
  readonly port?: number;
  readonly open?: boolean;
  readonly json?: boolean;
}

export const verb = defineVerb<Options>({
  examples: [
    ["explore --open", "look at the newest version in a browser"],
    ["explore --module 1.5.05 --host linux-6.16", "start at a version, under a hypervisor's locks"],
    ["explore --module ./module.json --host ./my-patch.yaml", "with files of your own beside the bundled ones"],
    ["explore --host ~/linux --module ~/tdx-module", "with what a kernel tree and a module's source tree show"],
  ],
  configure(command) {
    command
      .addOption(moduleOption())
      .addOption(hostOption("newest"))
      .option("--port <n>", "this port of 127.0.0.1 and no other (default: 7346, or a free one)", portNumber)
      .option("--open", "open the address in a browser");
  },
  async run(_args, options, io) {
    const data = await explorerData(options.module, options.host);
    const excerpts = (): Excerpts => treeExcerpts(data, options.module, options.host);
    const explorer = await serve(data, { excerpts, ...(options.port !== undefined && { port: options.port }) });
    try {
      // There is nothing to print at the end, so that a signal ends the process at once, also while it works out what its page shows first.
      if (io.signal.aborted) return EXIT.done;
      announce(explorer, options, io);
      await aborted(io.signal);
    } finally {
      await explorer.close();
    }
    return EXIT.done;
  },
});

function announce({ url }: Explorer, options: Options, io: Io): void {
  io.out(options.json === true ? jsonText({ schema: "seamlock/explore@1", url }) : `${url}\n`);
  if (io.errIsTerminal) io.err("The explorer runs until Ctrl-C.\n");
  if (options.open === true) openBrowser(url, io);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function portNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new SeamlockError("SL0004", `\`${text}\` is no port number`, {
    hint: "give a number from 0 (any free one) to 65535",
  });
}

/** The address is enough to go on, so a missing browser is no error. */
function openBrowser(url: string, io: Io): void {
  const program = { darwin: "open", win32: "explorer.exe" }[process.platform as string] ?? "xdg-open";
  const child = spawn(program, [url], { stdio: "ignore", detached: true });
  child.on("error", () => io.err(`${program} is not there; open ${url} yourself\n`));
  child.unref();
}
