/**
 * What a person names by http and https URLs: torrent files, block lists.
 *
 * @module
 */
import { deadlineSignal, systemClock } from "../../_shared/clock.ts";
import { systemResolve } from "../../_shared/datagram.ts";
import { CheckedFetch, fetchReason } from "../../_shared/http/checked_fetch.ts";
import { findHost, type HostPlace } from "../../_shared/reach.ts";
import { CommandError } from "../error.ts";
import { EXIT_BAD_TORRENT, EXIT_IO, EXIT_NO_PEERS } from "../exit_code.ts";
import { readAll } from "../read_file.ts";
import { formatSize } from "../units.ts";
import { linkIn, MAX_TORRENT_LENGTH } from "./source.ts";

/** Most redirects that are followed. */
const MAX_REDIRECTS = 5;
/** Answers that lead elsewhere. */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** How long all of it may take, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** How web servers that a person names are asked. */
export interface WebAccess {
  /** Instead of the built-in `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Resolves names of hosts to addresses. @default {the system's} */
  readonly resolve?:
    | ((hostname: string) => Promise<readonly string[]>)
    | undefined;
  /** What we call ourselves. @default {"bip/0.1.0"} */
  readonly userAgent?: string | undefined;
}

/** Options of {@linkcode fetchTorrent}. */
export interface FetchTorrentOptions extends WebAccess {
  /** Ends the attempt; the rejection is its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How long all of it may take, in milliseconds. @default {30_000} */
  readonly timeoutMs?: number;
}

/** Whether a person who named the first host named the second, too. */
function isNamed(named: URL, next: URL): boolean {
  return next.host === named.host ||
    (next.hostname === named.hostname && next.port === "" && named.port === "");
}

/** A URL that leads to a magnet link, as those of indexers do. */
class LinkRedirect extends CommandError {
  readonly link: string;

  constructor(message: string, link: string) {
    super(EXIT_IO, "redirect", message);
    this.link = link;
  }
}

/**
 * Fetches a torrent file. Redirects into private networks are followed only on
 * the host that the person named. Needs `--allow-net`.
 *
 * @param text The http or https URL.
 * @param options See {@linkcode FetchTorrentOptions}.
 * @returns The bytes, decompressed; a text if the URL leads to a magnet link.
 * @throws {CommandError} If it is not there (exit code 6), nobody answers in
 * time (5), or the answer is too large (4).
 */
export async function fetchTorrent(
  text: string,
  options: FetchTorrentOptions = {},
): Promise<Uint8Array<ArrayBuffer> | string> {
  const { signal, timeoutMs = TIMEOUT_MS } = options;
  // What stands before the host or behind the path may be a secret.
  const shown = shownUrl(text);
  using deadline = deadlineSignal(
    systemClock,
    timeoutMs,
    `no whole answer within ${timeoutMs / 1000} s`,
    signal,
  );
  try {
    const { signal } = deadline;
    using web = new CheckedFetch(options.fetch, 0);
    const response = await fetchNamed(new URL(text), web, {
      ...options,
      signal,
    });
    const bytes = await readTorrent(response, shown);
    return linkIn(bytes) ?? bytes;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof LinkRedirect) return error.link;
    if (error instanceof CommandError) throw error;
    if ((error as Error).name === "NotCapable") throw error;
    const reason = deadline.signal.aborted
      ? (deadline.signal.reason as Error).message
      : fetchReason(error);
    throw new CommandError(
      EXIT_NO_PEERS,
      "not-fetched",
      `Cannot fetch ${shown}: ${reason}`,
      { cause: error },
    );
  }
}

/** A URL without its query and user, as it is shown. */
export function shownUrl(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname}`;
}

/**
 * Asks for what a person names. Redirects into private networks are followed only
 * on the host that the person named.
 *
 * @param named The http or https URL.
 * @param web Asks; to be closed once the answer was read.
 * @param options See {@linkcode FetchTorrentOptions}; `timeoutMs` is the caller's.
 * @returns An answer of status 200 to 299.
 * @throws {CommandError} If there is none (exit code 6). What `fetch` throws.
 */
export async function fetchNamed(
  named: URL,
  web: CheckedFetch,
  options: Omit<FetchTorrentOptions, "fetch">,
): Promise<Response> {
  const {
    resolve = systemResolve,
    userAgent = "bip/0.1.0",
    signal = null,
  } = options;
  const shown = shownUrl(named.href);
  const refuse = (code: string, reason: string) =>
    new CommandError(EXIT_IO, code, `Cannot fetch ${shown}: ${reason}`);
  let url = named;
  let place: HostPlace | undefined;
  for (let redirects = 0;; redirects++) {
    const response = await web.fetch(url, {
      redirect: "manual",
      signal,
      headers: { "user-agent": userAgent },
    }, place);
    const location = response.headers.get("location");
    if (location !== null && REDIRECTS.includes(response.status)) {
      await response.body?.cancel();
      if (redirects === MAX_REDIRECTS) {
        const reason = `more than ${MAX_REDIRECTS} redirects`;
        throw refuse("redirect", reason);
      }
      const next = URL.parse(location, url);
      if (next?.protocol === "magnet:") {
        const message = `Cannot fetch ${shown}: it leads to a magnet link`;
        throw new LinkRedirect(message, next.href);
      }
      if (next === null || !/^https?:$/.test(next.protocol)) {
        throw refuse("redirect", "it leads to no http or https URL");
      }
      place = isNamed(named, next) ? undefined : await findHost(next, resolve);
      if (place !== undefined && place.reach > 0) {
        throw refuse(
          "redirect",
          `it leads to ${next.host}, which is on a private network; name it yourself if you mean it`,
        );
      }
      url = next;
      continue;
    }
    if (!response.ok) {
      await response.body?.cancel();
      const reason = `the server answered ${response.status}`;
      throw refuse("http-status", reason);
    }
    return response;
  }
}

async function readTorrent(
  response: Response,
  shown: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(response.headers.get("content-length")) > MAX_TORRENT_LENGTH) {
    await response.body?.cancel();
    throw new CommandError(
      EXIT_BAD_TORRENT,
      "too-large",
      `Cannot fetch ${shown}: a torrent file has at most ${
        formatSize(MAX_TORRENT_LENGTH)
      }`,
    );
  }
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  let chunk = new Uint8Array();
  try {
    return await readAll(async (into) => {
      while (chunk.length === 0) {
        const { done, value } = await reader.read();
        if (done) return null;
        chunk = value;
      }
      const part = chunk.subarray(0, into.length);
      into.set(part);
      chunk = chunk.subarray(part.length);
      return part.length;
    }, {
      name: shown,
      limit: MAX_TORRENT_LENGTH,
      kind: "a torrent file",
      exitCode: EXIT_BAD_TORRENT,
    });
  } finally {
    await reader.cancel().catch(() => {});
  }
}
