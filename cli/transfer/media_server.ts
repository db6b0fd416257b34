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
import type { Torrent, TorrentFile } from "../../client/mod.ts";
import { fileAnswer } from "../../daemon/file_answer.ts";
import type { HttpAnswer } from "../../tracker/http_answer.ts";
import { httpHeader, type HttpRequest } from "../../tracker/http_request.ts";
import { HttpServer } from "../../tracker/http_server.ts";
import { safeText } from "../text.ts";

/**
 * Connections of one address, of players and browsers, and in all: each reads one
 * file at a time.
 */
const MAX_PER_ADDRESS = 16;
const MAX_CONNECTIONS = 64;

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

  constructor(options: MediaServerOptions) {
    this.#options = options;
  }

  /** Answers a request that came in at `local`. */
  answer(request: HttpRequest, local: Endpoint): HttpAnswer {
    const { torrent, isLocal } = this.#options;
    const { method, target } = request;
    const host = httpHeader(request, "host") ?? formatEndpoint(local);
    const url = target.startsWith("/")
      ? URL.parse(`http://${host}${target}`)
      : null;
    if (url === null) return refuse(400, "It is not a path");
    if (method !== "GET" && method !== "HEAD") {
      return refuse(405, "Only GET, HEAD");
    }
    if (isLocal && !isForUs(request)) {
      return refuse(403, "Only for programs and pages of this machine");
    }
    const [first] = this.files;
    if (first === undefined) {
      return refuse(503, "The files are not known yet", ["retry-after", "1"]);
    }
    const { pathname, origin } = url;
    if (pathname === "/playlist.m3u") {
      return {
        status: 200,
        contentType: "audio/x-mpegurl; charset=utf-8",
        body: this.playlist(origin),
      };
    }
    if (pathname === "/") {
      return { status: 302, headers: [["location", filePath(first)]] };
    }
    const index = Number(/^\/(\d{1,9})(?:\/[^/]*)?$/.exec(pathname)?.[1]) - 1;
    const file = this.files.find((file) => file.index === index);
    return file === undefined
      ? refuse(404, "There is no such file")
      : fileAnswer(torrent, file, request);
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
}

/** Serves it over HTTP. Needs `--allow-net` for the address. */
export function serveMedia(media: MediaServer, local: Endpoint): HttpServer {
  const server: HttpServer = HttpServer.listen(local, {
    clock: systemClock,
    maxConnections: MAX_CONNECTIONS,
    maxConnectionsPerAddress: MAX_PER_ADDRESS,
    handler: (request) => media.answer(request, server.local),
  });
  return server;
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
function isForUs(request: HttpRequest): boolean {
  const host = httpHeader(request, "host");
  if (host !== undefined) {
    const name = URL.parse(`http://${host}`)?.hostname
      .replace(/^\[|\]$/g, "") ?? "";
    const ip = tryParseIp(name);
    const isOurs = ip === undefined
      ? name === "localhost"
      : ipScope(ip) === "loopback";
    if (!isOurs) return false;
  }
  return httpHeader(request, "sec-fetch-site") !== "cross-site" ||
    httpHeader(request, "sec-fetch-mode") === "navigate";
}

function refuse(
  status: number,
  text: string,
  ...headers: (readonly [name: string, value: string])[]
): HttpAnswer {
  return { status, headers, body: `${text}\n` };
}
