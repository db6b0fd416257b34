/**
 * What `bip stream` serves: files of one torrent, and a list of them for
 * players.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  ipScope,
  tryParseIp,
} from "../../_shared/address.ts";
import { systemClock } from "../../_shared/clock.ts";
import { fileResponse } from "../../client/file_response.ts";
import type { Torrent, TorrentFile } from "../../client/mod.ts";
import type { HttpAnswer } from "../../tracker/http_answer.ts";
import { httpHeader, type HttpRequest } from "../../tracker/http_request.ts";
import { HttpServer } from "../../tracker/http_server.ts";
import { safeText } from "../text.ts";

/** Files that are read at a time, over all who ask. */
const MAX_STREAMS = 64;
/** Connections of one address, of players and browsers, and in all. */
const MAX_PER_ADDRESS = 16;
const MAX_CONNECTIONS = 256;
/** Headers that are looked at. */
const LOOKED_AT: ReadonlySet<string> = new Set([
  ...["host", "sec-fetch-site", "sec-fetch-mode"],
  ...["range", "if-range", "if-match", "if-none-match"],
]);

/** Options of {@linkcode MediaServer}. */
export interface MediaServerOptions {
  /** The torrent; its files need not be known yet. */
  readonly torrent: Torrent;
  /** Whether it is reached from this machine only. */
  readonly isLocal: boolean;
}

/**
 * Answers requests for chosen files at `/INDEX/NAME`, of which only the index,
 * from 1 on, counts; for the list at `/playlist.m3u`; `/` leads to the first.
 */
export class MediaServer {
  /** The files that may be asked for, the first one in front. */
  files: readonly TorrentFile[] = [];
  readonly #options: MediaServerOptions;
  #streams = 0;

  constructor(options: MediaServerOptions) {
    this.#options = options;
  }

  /** Answers a request. */
  answer(request: Request): Response {
    const { torrent, isLocal } = this.#options;
    if (isLocal && !isForUs(request)) {
      return refuse(403, "Only for programs and pages of this machine");
    }
    const { pathname, origin } = new URL(request.url);
    const [first] = this.files;
    if (first === undefined) {
      return refuse(503, "The files are not known yet", { "retry-after": "1" });
    }
    if (pathname === "/playlist.m3u") {
      return new Response(this.playlist(origin), {
        headers: { "content-type": "audio/x-mpegurl; charset=utf-8" },
      });
    }
    if (pathname === "/") {
      return new Response(null, {
        status: 302,
        headers: { location: filePath(first) },
      });
    }
    const index = Number(/^\/(\d{1,9})(?:\/[^/]*)?$/.exec(pathname)?.[1]) - 1;
    const file = this.files.find((file) => file.index === index);
    if (file === undefined) return refuse(404, "There is no such file");
    if (this.#streams >= MAX_STREAMS) {
      return refuse(503, "Too many streams are open", { "retry-after": "5" });
    }
    const response = fileResponse(torrent, file, request);
    return response.body === null
      ? response
      : new Response(this.#counted(response.body), response);
  }

  /** The list of the files for players, as M3U. */
  playlist(origin: string): string {
    const entries = this.files.map((file) =>
      `#EXTINF:-1,${safeText(file.path.join("/"))}\n${origin}${
        filePath(file)
      }\n`
    );
    return `#EXTM3U\n${entries.join("")}`;
  }

  #counted(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    this.#streams++;
    let isOpen = true;
    const end = () => {
      if (isOpen) this.#streams--;
      isOpen = false;
    };
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const { value, done } = await reader.read();
          if (!done) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      cancel: (reason) => {
        end();
        return reader.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }
}

/** Serves it over HTTP. Needs `--allow-net` for the address. */
export function serveMedia(media: MediaServer, local: Endpoint): HttpServer {
  const server: HttpServer = HttpServer.listen(local, {
    clock: systemClock,
    maxConnections: MAX_CONNECTIONS,
    maxConnectionsPerAddress: MAX_PER_ADDRESS,
    handler: (http) => handle(media, http, server.local),
  });
  return server;
}

function handle(
  media: MediaServer,
  http: HttpRequest,
  local: Endpoint,
): HttpAnswer {
  const { method, target } = http;
  const host = httpHeader(http, "host") ?? formatEndpoint(local);
  const url = target.startsWith("/")
    ? URL.parse(`http://${host}${target}`)
    : null;
  if (url === null) return { status: 400, body: "That is no path\n" };
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, body: "Only GET, HEAD\n" };
  }
  const headers = http.headers.filter(([name]) => LOOKED_AT.has(name))
    .map(([name, value]): [string, string] => [name, value]);
  const response = media.answer(new Request(url, { method, headers }));
  return {
    status: response.status,
    headers: [...response.headers],
    body: response.body ?? "",
  };
}

/** Where a file is served. */
export function filePath(file: Pick<TorrentFile, "index" | "path">): string {
  const name = file.path.at(-1) ?? "";
  return `/${file.index + 1}/${encodeURIComponent(name.toWellFormed())}`;
}

/**
 * Whether a request was meant for this machine: pages whose name was made to
 * lead here (DNS rebinding) call us by that name, and pages of others say so.
 */
function isForUs({ headers }: Request): boolean {
  const host = headers.get("host");
  if (host !== null) {
    const name = URL.parse(`http://${host}`)?.hostname
      .replace(/^\[|\]$/g, "") ?? "";
    const ip = tryParseIp(name);
    const isOurs = ip === undefined
      ? name === "localhost"
      : ipScope(ip) === "loopback";
    if (!isOurs) return false;
  }
  return headers.get("sec-fetch-site") !== "cross-site" ||
    headers.get("sec-fetch-mode") === "navigate";
}

function refuse(
  status: number,
  text: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
