/**
 * The table of verbs. Each is loaded when it is used, so that the command
 * starts fast. To add one: write `cli/NAME.ts` that exports a `Verb`, and add
 * a line here.
 *
 * @module
 */
import type { VerbEntry } from "./command.ts";

/** All verbs, in the order of `bip --help`. */
export const VERBS: readonly VerbEntry[] = [
  {
    name: "create",
    summary: "Make a torrent file from files and folders",
    load: async () => (await import("./create.ts")).createVerb,
  },
  {
    name: "info",
    summary: "Show what a torrent file, magnet link or info-hash says",
    load: async () => (await import("./info.ts")).infoVerb,
  },
  {
    name: "magnet",
    summary: "Print the magnet link of a torrent file",
    load: async () => (await import("./magnet.ts")).magnetVerb,
  },
  {
    name: "verify",
    summary: "Check files on disk against a torrent",
    load: async () => (await import("./verify.ts")).verifyVerb,
  },
  {
    name: "download",
    summary: "Fetch a torrent",
    load: async () => (await import("./download.ts")).downloadVerb,
  },
  {
    name: "seed",
    summary: "Serve a complete torrent to peers",
    load: async () => (await import("./seed.ts")).seedVerb,
  },
  {
    name: "tracker",
    summary: "Run a UDP and HTTP tracker",
    load: async () => (await import("./tracker.ts")).trackerVerb,
  },
  {
    name: "announce",
    summary: "Announce a torrent once and show the peers",
    load: async () => (await import("./announce.ts")).announceVerb,
  },
  {
    name: "scrape",
    summary: "Ask trackers how many peers a torrent has",
    load: async () => (await import("./scrape.ts")).scrapeVerb,
  },
  {
    name: "lpd",
    summary: "Find peers and services on the local network",
    load: async () => (await import("./lpd.ts")).lpdVerb,
  },
  {
    name: "dht",
    summary: "Run a node of the DHT, or ask it",
    load: async () => (await import("./dht.ts")).dhtVerb,
  },
  {
    name: "completions",
    summary: "Print a completion script for a shell",
    load: async () => (await import("./completions.ts")).completionsVerb,
  },
];
