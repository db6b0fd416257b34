/**
 * Events of torrents as `--json` prints them.
 *
 * @module
 */
import { formatEndpoint } from "../../_shared/address.ts";
import type { TorrentEvent } from "../../client/types.ts";
import type { Verb } from "../command.ts";
import { describeError } from "../error.ts";

/** One line of `--json`. */
export type JsonEvent = { readonly type: string } & Record<string, unknown>;

/** What `--json` prints of an event, if anything. */
export function eventJson(event: TorrentEvent): JsonEvent | undefined {
  switch (event.type) {
    case "state":
      return { type: "state", state: event.state };
    case "piece":
      return { type: "piece", index: event.pieceIndex, good: event.good };
    case "peer-connected":
    case "peer-disconnected":
    case "peer-failed":
    case "peer-banned":
      return {
        type: "peer",
        address: formatEndpoint(event.address),
        state: event.type.slice("peer-".length),
        direction: event.direction,
        client: event.client ?? null,
        reason: event.reason ?? null,
      };
    case "tracker":
      return {
        type: "tracker",
        tracker: event.tracker,
        ok: event.ok,
        peers: event.peers ?? null,
        error: event.error ?? null,
      };
    case "warning": {
      const { code, message, files } = event;
      return { type: "warning", code, message, files };
    }
    case "renamed":
      return { type: "renamed", files: event.files };
    case "metadata":
      return {
        type: "metadata",
        name: event.metainfo.name,
        bytes: event.metainfo.totalLength,
        pieces: event.metainfo.pieceCount,
      };
  }
  return undefined;
}

/**
 * Makes the error that ends a verb the last event of `--json`, whenever it comes.
 *
 * @param run What the verb does.
 * @returns The same, with the event.
 */
export function tellingErrors(run: Verb["run"]): Verb["run"] {
  return async (context) => {
    try {
      return await run(context);
    } catch (error) {
      if (context.args.has("json") && !context.signal.aborted) {
        const { code, message } = describeError(error);
        context.output.printJson({ type: "error", code, message });
      }
      throw error;
    }
  };
}
