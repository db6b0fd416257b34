/**
 * `bip remote`: steers a daemon, ours or Transmission's.
 *
 * @module
 */
import { RemoteError } from "../../daemon/remote_client.ts";
import type { Verb, VerbContext } from "../command.ts";
import { EXIT_DONE } from "../exit_code.ts";
import { pickSubVerb } from "../sub_verb.ts";
import { ACTIONS } from "./actions.ts";
import { CLIENT_OPTIONS, commandError, openClient } from "./open_client.ts";

/** Options of every action. */
const COMMON: readonly string[] = [
  ...CLIENT_OPTIONS.map(({ name }) => name),
  "json",
];

/** `bip remote` */
export const remoteVerb: Verb = {
  name: "remote",
  summary: "Control a daemon, of bip or Transmission",
  usage: `${
    Object.keys(ACTIONS).join(" | ")
  } ARGS [--url URL] [--auth USER:PASS] [--json]`,
  details: [
    Object.values(ACTIONS).map(({ usage }) => `bip remote ${usage}`).join("\n"),
    "ID is a number as shown by list, a range such as 2-5, or an info-hash; active stands for torrents that were active in the last minute. SOURCE is a local torrent file, a magnet link, an info-hash, or a URL for the daemon to fetch. LIST is numbers as shown by files, ranges, paths or globs. DIR is a folder on the daemon's machine.",
    "limit without ID applies to the daemon as a whole. A rate of 0 or none removes the limit, --ratio none the goal. The protocol rounds rates to multiples of 1000 bytes.",
    "hash prints a line for the daemon's --auth-file that does not reveal the password.",
    "--json prints the daemon's answer, with the names of version 6 of the protocol.",
    "Exit code 2 when the daemon refuses, 5 when it does not answer.",
  ],
  operands: [1, 10_000],
  operandNames: ["what to do"],
  words: Object.keys(ACTIONS),
  subVerbs: { table: ACTIONS, common: COMMON },
  permissions: "--allow-net --allow-read=FILE",
  options: [
    ...CLIENT_OPTIONS,
    { name: "dir", value: "DIR", summary: "Folder to download to" },
    { name: "paused", summary: "Add without starting it" },
    {
      name: "label",
      value: "TEXT",
      repeat: true,
      summary:
        "Label; with the label action, the complete new set, empty if not given",
    },
    { name: "delete-files", summary: "Also delete the downloaded files" },
    {
      name: "want",
      value: "LIST",
      repeat: true,
      summary: "Download these files",
    },
    {
      name: "skip",
      value: "LIST",
      repeat: true,
      summary: "Do not download these files",
    },
    {
      name: "high",
      value: "LIST",
      repeat: true,
      summary: "Give these files high priority",
    },
    {
      name: "normal",
      value: "LIST",
      repeat: true,
      summary: "Give these files normal priority",
    },
    {
      name: "low",
      value: "LIST",
      repeat: true,
      summary: "Give these files low priority",
    },
    { name: "down", value: "RATE", summary: "Maximum download rate" },
    { name: "up", value: "RATE", summary: "Maximum upload rate" },
    {
      name: "ratio",
      value: "N",
      summary: "Stop seeding at this ratio; none to never stop",
    },
    {
      name: "find",
      summary: "Do not move the files; they are already there",
    },
    { name: "json", summary: "Print JSON" },
  ],
  async run(context: VerbContext): Promise<number> {
    const { args } = context;
    const { picked, operands } = pickSubVerb(args, remoteVerb, ACTIONS, COMMON);
    const { client, close } = await openClient(context);
    try {
      const json = args.has("json");
      await picked.run({ ...context, operands, json, client });
      return EXIT_DONE;
    } catch (error) {
      throw error instanceof RemoteError ? commandError(error) : error;
    } finally {
      close();
    }
  },
};
