/**
 * `bip seed`: serves a complete torrent.
 *
 * @module
 */
import type { Torrent } from "../../client/mod.ts";
import type { Verb, VerbContext } from "../command.ts";
import { CommandError } from "../error.ts";
import { EXIT_VERIFICATION_FAILED } from "../exit_code.ts";
import { requireFolder } from "../torrent/folders.ts";
import { Reporter } from "./reporter.ts";
import { readTorrentFile } from "../torrent/source.ts";
import {
  JSON_DETAILS,
  NETWORK_OPTIONS,
  openSession,
  planFor,
  planNetwork,
  seedUntil,
} from "./transfer.ts";
import { parseDuration, parseRatio } from "../units.ts";

/** Waits until the files are checked. */
async function untilChecked(
  torrent: Torrent,
  signal: AbortSignal,
): Promise<void> {
  if (torrent.state === "checking") {
    for await (const { type } of torrent.events({ signal })) {
      if (type === "state" && torrent.state !== "checking") break;
    }
  }
  if (torrent.error !== undefined) throw torrent.error;
  if (torrent.state === "downloading") {
    const { piecesDone, pieceCount } = torrent.stats();
    throw new CommandError(
      EXIT_VERIFICATION_FAILED,
      "incomplete",
      `Cannot seed: ${piecesDone} of ${pieceCount} pieces are good; bip verify shows which are not`,
    );
  }
}

/** `bip seed FILE.torrent DIR` */
export const seedVerb: Verb = {
  name: "seed",
  summary: "Serve a complete torrent to peers",
  usage: "FILE.torrent DIR [OPTIONS]",
  details: [
    "DIR is the folder that holds the torrent's top-level name. The files are checked first and never changed. What is good of them is served; what cannot be read or is not whole is named.",
    "Exit code 0 when a goal is reached, 3 when no piece is good, 6 when nothing can be read, 130 after Ctrl-C.",
    JSON_DETAILS,
  ],
  operands: [2, 2],
  operandNames: ["FILE.torrent", "DIR"],
  permissions: "--allow-net --allow-read=FILE,DIR",
  options: [
    {
      name: "seed-ratio",
      value: "R",
      summary: "Stop when so many times the size was uploaded",
    },
    { name: "seed-time", value: "S", summary: "Stop after so many seconds" },
    ...NETWORK_OPTIONS,
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const [file, dir] = args.operands as [string, string];
    const ratio = parseRatio(args.get("seed-ratio") ?? "0", "--seed-ratio");
    const seedTime = args.get("seed-time");
    const ms = seedTime === undefined
      ? Infinity
      : parseDuration(seedTime, "--seed-time");
    const plan = planNetwork(args);
    const { metainfo } = await readTorrentFile(file, signal);
    await requireFolder(dir, "seed");
    await using session = await openSession(
      planFor(plan, metainfo.private),
    );
    const torrent = session.add(metainfo, {
      dir,
      peers: plan.peers,
      readOnly: true,
    });
    await using reporter = new Reporter({
      torrent,
      session,
      output,
      json: args.has("json"),
      quiet: args.has("quiet"),
    });
    try {
      await untilChecked(torrent, signal);
      const code = await seedUntil(torrent, { ratio, ms, signal });
      await reporter.leave();
      return code;
    } catch (error) {
      await reporter.failed(error);
      throw error;
    }
  },
};
