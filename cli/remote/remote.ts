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
  summary: "Steer a daemon, of bip or Transmission",
  usage: `${
    Object.keys(ACTIONS).join(" | ")
  } ARGS [--url URL] [--auth USER:PASS] [--json]`,
  details: [
    Object.values(ACTIONS).map(({ usage }) => `bip remote ${usage}`).join("\n"),
    "ID is a number that list shows, a range such as 2-5, or an info-hash. SOURCE is a torrent file here, a magnet link, an info-hash or a URL that the daemon fetches. LIST is numbers that files shows, ranges, paths or globs. Paths of DIR are the daemon's.",
    "limit without ID limits the daemon as a whole; 0 and none mean no limit. The protocol counts rates in steps of 1000 bytes.",
    "hash prints a line for the daemon's --auth-file from which nobody can read the password.",
    "--json prints what the daemon tells, with names of version 6 of the protocol.",
    "Exit code 2 where the daemon refuses, 5 where none answers.",
  ],
  operands: [1, 10_000],
  operandNames: ["what to do"],
  words: Object.keys(ACTIONS),
  subVerbs: { table: ACTIONS, common: COMMON },
  permissions: "--allow-net --allow-read=FILE",
  options: [
    ...CLIENT_OPTIONS,
    { name: "dir", value: "DIR", summary: "Folder to download to" },
    { name: "paused", summary: "Add without starting" },
    {
      name: "label",
      value: "TEXT",
      repeat: true,
      summary: "Label; for label, those that it is to have, none for none",
    },
    { name: "delete-files", summary: "Delete the files, too" },
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
    { name: "high", value: "LIST", repeat: true, summary: "These files first" },
    {
      name: "normal",
      value: "LIST",
      repeat: true,
      summary: "These files as any",
    },
    { name: "low", value: "LIST", repeat: true, summary: "These files last" },
    { name: "down", value: "RATE", summary: "Download no faster" },
    { name: "up", value: "RATE", summary: "Upload no faster" },
    {
      name: "ratio",
      value: "N",
      summary: "Stop seeding at this ratio; none for never",
    },
    {
      name: "find",
      summary: "The files are there already: move nothing, look for them",
    },
    { name: "json", summary: "Print JSON" },
  ],
  async run(context: VerbContext): Promise<number> {
    const { args, output, signal } = context;
    const { picked, operands } = pickSubVerb(args, remoteVerb, ACTIONS, COMMON);
    const { client, close } = await openClient(context);
    try {
      const json = args.has("json");
      await picked.run({ args, operands, output, json, client, signal });
      return EXIT_DONE;
    } catch (error) {
      throw error instanceof RemoteError ? commandError(error) : error;
    } finally {
      close();
    }
  },
};
