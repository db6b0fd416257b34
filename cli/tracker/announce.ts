/**
 * `bip announce`: announces a torrent once and shows what trackers answer.
 *
 * @module
 */
import { formatEndpoint } from "../../_shared/address.ts";
import type { AnnounceResponse } from "../../_shared/announce.ts";
import { systemRandom } from "../../_shared/random.ts";
import { createPeerId } from "../../handshake/peer_id.ts";
import type { Verb, VerbContext } from "../command.ts";
import { styled } from "../terminal.ts";
import { plural, safeText } from "../text.ts";
import {
  askTrackers,
  codeOf,
  readQuestion,
  shownReason,
  TRACKER_OPTIONS,
} from "./tracker_query.ts";
import { formatDuration } from "../units.ts";

const EVENTS = ["started", "completed", "stopped", "none"] as const;

function documentOf(response: AnnounceResponse): Record<string, unknown> {
  return {
    interval: response.intervalMs / 1000,
    minInterval: response.minIntervalMs === undefined
      ? null
      : response.minIntervalMs / 1000,
    seeders: response.seeders ?? null,
    leechers: response.leechers ?? null,
    downloads: response.downloads ?? null,
    peers: response.peers.map(formatEndpoint),
    externalIp: response.externalIp ?? null,
    warning: response.warning ?? null,
  };
}

/** What a tracker may tell of. */
function known(count: number | undefined, noun: string): string[] {
  return count === undefined ? [] : [plural(count, noun)];
}

/** `bip announce SOURCE` */
export const announceVerb: Verb = {
  name: "announce",
  summary: "Announce a torrent once and show the peers",
  usage: "SOURCE [--tracker URL] [--event E] [--peer-port N] [--json]",
  details: [
    "SOURCE is a torrent file, a magnet link or an info-hash. Its trackers are asked, the first 100 of them; exit code 5 if none answers.",
    "The tracker lists this machine as a peer until it is told --event stopped.",
    "--json prints {infoHash, peers, trackers: [{tracker, interval, seeders, leechers, peers, ...} or {tracker, error}]}.",
  ],
  operands: [1, 1],
  operandNames: ["SOURCE"],
  permissions: "--allow-net --allow-read=FILE",
  options: [
    ...TRACKER_OPTIONS,
    {
      name: "event",
      value: "E",
      summary: "Event to report (none)",
      complete: EVENTS,
    },
    {
      name: "peer-port",
      value: "N",
      summary: "Port to announce (6881)",
    },
    { name: "num-want", value: "N", summary: "Peers to ask for" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const given = args.choice("event", EVENTS);
    const event = given === "none" ? undefined : given;
    const port = args.integer("peer-port", 0, 65535) ?? 6881;
    const numWant = args.integer("num-want", 0, 10_000);
    const question = await readQuestion(args, signal);
    const complete = event === "completed";
    const peerId = createPeerId(systemRandom);
    const answers = await askTrackers(
      question,
      signal,
      (client, url) =>
        client.announce(url, {
          infoHash: question.infoHash,
          peerId,
          port,
          uploaded: 0,
          downloaded: complete ? question.totalLength ?? 0 : 0,
          left: complete ? 0 : question.totalLength ?? 1,
          event,
          numWant,
        }, { signal }),
    );
    const peers = [
      ...new Set(
        answers.flatMap(({ answer }) =>
          answer === undefined ? [] : answer.peers.map(formatEndpoint)
        ),
      ),
    ];
    if (args.has("json")) {
      output.printJson({
        infoHash: question.infoHashHex,
        peers,
        trackers: answers.map(({ tracker, answer, error }) =>
          answer === undefined
            ? { tracker, error }
            : { tracker, ...documentOf(answer) }
        ),
      }, 2);
      return codeOf(answers);
    }
    for (const { name, answer, error } of answers) {
      const label = styled(output, "bold", safeText(name));
      if (answer === undefined) {
        output.note(`${label}: ${shownReason(name, error.message)}`);
        continue;
      }
      output.note(
        `${label}: ${
          [
            ...known(answer.seeders, "seed"),
            ...known(answer.leechers, "leecher"),
            `next announce in ${formatDuration(answer.intervalMs)}`,
          ].join(", ")
        }`,
      );
      if (answer.warning !== undefined) {
        output.note(`${label}: ${safeText(answer.warning)}`);
      }
    }
    for (const peer of peers) output.print(safeText(peer));
    return codeOf(answers);
  },
};
