/**
 * `--blocklist`: whom a session has nothing to do with.
 *
 * @module
 */
import { deadlineSignal, systemClock } from "../../_shared/clock.ts";
import { CheckedFetch } from "../../_shared/http/checked_fetch.ts";
import type { Session } from "../../client/session.ts";
import type { IpSet } from "../../handshake/ip_set.ts";
import { CommandError, describeError, UsageError } from "../error.ts";
import { EXIT_IO } from "../exit_code.ts";
import { ioError } from "../io_error.ts";
import { onHangUp } from "../signals.ts";
import { safeText } from "../text.ts";
import {
  fetchNamed,
  shownUrl,
  type WebAccess,
} from "../torrent/fetch_torrent.ts";

/** How long fetching a list may take, in milliseconds. */
const TIMEOUT_MS = 120_000;

/** Options of {@linkcode loadBlocklists}. */
export interface BlocklistOptions extends WebAccess {
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** Opens a file or URL that a person named. */
async function open(
  name: string,
  web: CheckedFetch,
  options: BlocklistOptions,
): Promise<ReadableStream<Uint8Array>> {
  if (!/^https?:\/\//i.test(name)) {
    try {
      const file = await Deno.open(name);
      if (!(await file.stat()).isDirectory) return file.readable;
      file.close();
      throw new Deno.errors.IsADirectory("Is a directory");
    } catch (error) {
      throw ioError(error, "read", name);
    }
  }
  if (!URL.canParse(name)) {
    throw new UsageError(`${JSON.stringify(name)} is not a valid URL`);
  }
  const { body } = await fetchNamed(new URL(name), web, options);
  return body ?? new ReadableStream({ start: (stream) => stream.close() });
}

/**
 * Reads block lists.
 *
 * @param names Files and URLs.
 * @param options See {@linkcode BlocklistOptions}.
 * @returns All of their ranges.
 * @throws {CommandError} If one cannot be read, or is no block list.
 */
export async function loadBlocklists(
  names: readonly string[],
  options: BlocklistOptions,
): Promise<IpSet> {
  const { IpSetBuilder } = await import("../../handshake/ip_set.ts");
  const { readBlocklist } = await import("../../handshake/blocklist.ts");
  const ips = new IpSetBuilder();
  for (const name of names) {
    using deadline = deadlineSignal(
      systemClock,
      TIMEOUT_MS,
      `no whole answer within ${TIMEOUT_MS / 1000} s`,
      options.signal,
    );
    using web = new CheckedFetch(options.fetch, 0);
    const { signal } = deadline;
    try {
      await readBlocklist(await open(name, web, { ...options, signal }), ips);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof CommandError || error instanceof UsageError) {
        throw error;
      }
      if ((error as Error).name === "NotCapable") throw error;
      const shown = URL.canParse(name) ? shownUrl(name) : name;
      const { message } = signal.aborted
        ? signal.reason as Error
        : error as Error;
      throw new CommandError(
        EXIT_IO,
        "blocklist",
        `Cannot use block list ${safeText(shown)}: ${
          safeText(message.replaceAll(name, shown))
        }`,
        { cause: error },
      );
    }
  }
  return ips.build();
}

/**
 * Reads the lists of a session again at each SIGHUP; a list that cannot be read
 * leaves the old one as it is.
 *
 * @param session Whose lists.
 * @param names Files and URLs.
 * @param note Says what came of it.
 * @param options See {@linkcode BlocklistOptions}.
 * @returns Gives the signal its meaning back.
 */
export function reloadBlocklists(
  session: Session,
  names: readonly string[],
  note: (text: string) => void,
  options: BlocklistOptions,
): Disposable {
  let running = Promise.resolve();
  return onHangUp(() => {
    running = running.then(async () => {
      try {
        session.blocklist = await loadBlocklists(names, options);
        note(`Block lists reloaded: ${session.blocklist.size} ranges`);
      } catch (error) {
        if (!options.signal.aborted) note(describeError(error).message);
      }
    });
  });
}
