/** The explorer's server: a few documents from memory, on the loopback interface, for pages of its own origin. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { SeamlockError } from "../../errors.ts";
import { type ExplorerData, pack } from "../data.ts";
import { type Excerpts, NO_EXCERPTS } from "../excerpts.ts";
import { firstAnswers } from "../logic/questions.ts";
import { page } from "../page.ts";
import { loadAssets } from "./assets.ts";

const LOOPBACK = "127.0.0.1";
/** Where the facts are, which are made when they are first asked for. */
const FACTS = "/data.json";
/** Milliseconds until they are made without being asked for. */
const SOON = 20;
/** The port that is tried first. */
const USUAL_PORT = 7346;
/** A request has nothing to say beyond its path. */
const MAX_URL = 256;

export interface ServeOptions {
  /** The port; without one the usual port, or a free one where that is taken. */
  readonly port?: number;
  /** What the trees say that the facts come from; asked for when a page is there. None by default. */
  readonly excerpts?: () => Excerpts;
}

/** A running server. */
export interface Explorer {
  /** Where a browser finds it: `http://127.0.0.1:7346/`. */
  readonly url: string;
  close(): Promise<void>;
}

interface Document {
  readonly type: string;
  readonly policy: string;
  readonly body: Buffer;
}

/**
 * Serves the explorer until it is closed.
 *
 * @throws SeamlockError SL6001 when the port that was asked for cannot be had · SL6003 when the client was not built
 */
export async function serve(data: ExplorerData, options: ServeOptions = {}): Promise<Explorer> {
  const documents = documentsOf(data, options.excerpts ?? (() => NO_EXCERPTS));
  const server = createServer({ maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 5_000 });
  server.on("request", (request, response) => {
    const { port } = server.address() as AddressInfo;
    answer(request, response, documents, port);
  });
  await listen(server, options.port);
  const { port } = server.address() as AddressInfo;
  // The address is told first; what its page shows is then worked out before a browser is there to ask.
  const warming = setTimeout(() => void documents.get(FACTS)?.body, SOON);
  const close = (): Promise<void> => {
    clearTimeout(warming);
    return closed(server);
  };
  return { url: `http://${LOOPBACK}:${port}/`, close };
}

async function listen(server: Server, port: number | undefined): Promise<void> {
  if (port !== undefined) return listenOn(server, port);
  try {
    await listenOn(server, USUAL_PORT);
  } catch {
    await listenOn(server, 0);
  }
}

function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void => {
      const why = cause.code === "EADDRINUSE" ? "it is taken" : (cause.code ?? cause.message);
      const hint = "give another one, or none";
      reject(new SeamlockError("SL6001", `port ${port} of ${LOOPBACK} cannot be used: ${why}`, { cause, hint }));
    };
    server.once("error", failed);
    server.listen(port, LOOPBACK, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Everything that is ever served, by path. There are no others, and no path leads to a file. */
function documentsOf(data: ExplorerData, excerpts: () => Excerpts): ReadonlyMap<string, Document> {
  const { program, style } = loadAssets();
  const html = page({
    title: "seamlock",
    // The facts are the largest part and are asked for by the program, which would have to be there first.
    head: '<link rel="preload" href="/data.json" as="fetch" crossorigin><link rel="stylesheet" href="/style.css">',
    tail: '<script src="/app.js"></script>',
  });
  const none = "default-src 'none'";
  const own =
    `${none}; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; img-src data: blob:; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  const script = "text/javascript; charset=utf-8";
  const document = (type: string, policy: string, body: string): Document => lazy(type, policy, () => body);
  return new Map([
    ["/", document("text/html; charset=utf-8", own, html)],
    ["/app.js", document(script, none, program)],
    // One program, under two names: the checker compiles the model that it explores; only the worker may do that.
    ["/worker.js", document(script, `${none}; script-src 'unsafe-eval'`, program)],
    ["/style.css", document("text/css; charset=utf-8", none, style)],
    [FACTS, lazy("application/json", none, () => pack(data, firstAnswers(data)))],
    ["/excerpts.json", lazy("application/json", none, () => JSON.stringify(excerpts()))],
  ]);
}

/** Made when it is first asked for: the address is printed before the first answers are worked out. */
function lazy(type: string, policy: string, text: () => string): Document {
  let made: Buffer | null = null;
  return {
    type,
    policy,
    get body() {
      made ??= gzipSync(text());
      return made;
    },
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  documents: ReadonlyMap<string, Document>,
  port: number,
): void {
  const refusal = refused(request, port);
  if (refusal !== null) return refuse(request, response, ...refusal);
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  const document = documents.get(path);
  if (document === undefined) return refuse(request, response, 404, "nothing is here");
  response.writeHead(200, {
    ...headers(document.type, document.policy),
    "Content-Encoding": "gzip",
    "Content-Length": document.body.length,
  });
  response.end(request.method === "HEAD" ? undefined : document.body);
}

/** Why a request is not answered; null when it is. */
function refused(request: IncomingMessage, port: number): readonly [status: number, why: string] | null {
  // A page of another site can make the browser send requests here, but under its own name: DNS rebinding ends at this line.
  // Of the standard port browsers leave the number away.
  const names = [LOOPBACK, "localhost", "[::1]"].flatMap((name) => [`${name}:${port}`, ...(port === 80 ? [name] : [])]);
  if (!names.includes(request.headers.host ?? "")) return [421, "this name is not served here"];
  if (request.headers["sec-fetch-site"] === "cross-site") return [403, "other sites get nothing from here"];
  if (request.method !== "GET" && request.method !== "HEAD") {
    return hasBody(request) ? [413, "requests with a body are not taken"] : [405, "only GET is answered"];
  }
  if (hasBody(request)) return [413, "requests with a body are not taken"];
  if ((request.url ?? "").length > MAX_URL) return [414, "the address is too long"];
  return null;
}

function hasBody({ headers: sent }: IncomingMessage): boolean {
  return sent["transfer-encoding"] !== undefined || Number(sent["content-length"] ?? 0) !== 0;
}

/** Says why and hangs up, so that nobody sends the rest of a body that is not read. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { ...headers("text/plain; charset=utf-8", "default-src 'none'"), Connection: "close" });
  response.end(`${why}\n`, () => request.socket.destroySoon());
}

function headers(type: string, policy: string): Record<string, string> {
  return {
    "Content-Type": type,
    "Content-Security-Policy": policy,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
  };
}
