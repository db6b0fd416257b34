/**
 * The table of verbs. Each is loaded when it is used, so that the command
 * starts fast. To add one: write a file that exports a `Verb`, and add a line
 * here.
 *
 * @module
 */
import type { VerbEntry } from "./command.ts";

/** All verbs, in the order of `bip --help`. */
export const VERBS: readonly VerbEntry[] = [
  {
    name: "create",
    summary: "Make a torrent file from files and folders",
    load: async () => (await import("./torrent/create.ts")).createVerb,
  },
  {
    name: "edit",
    summary: "Change trackers, comment, name and more of a torrent file",
    load: async () => (await import("./torrent/edit.ts")).editVerb,
  },
  {
    name: "info",
    summary: "Show a torrent file, magnet link or info-hash",
    load: async () => (await import("./torrent/info.ts")).infoVerb,
  },
  {
    name: "magnet",
    summary: "Print the magnet link of a torrent file",
    load: async () => (await import("./torrent/magnet.ts")).magnetVerb,
  },
  {
    name: "verify",
    summary: "Check files on disk against a torrent",
    load: async () => (await import("./torrent/verify.ts")).verifyVerb,
  },
  {
    name: "download",
    summary: "Fetch torrents",
    load: async () => (await import("./transfer/download.ts")).downloadVerb,
  },
  {
    name: "stream",
    summary: "Play a torrent while it downloads",
    load: async () => (await import("./transfer/stream.ts")).streamVerb,
  },
  {
    name: "seed",
    summary: "Seed files that you have",
    load: async () => (await import("./transfer/seed.ts")).seedVerb,
  },
  {
    name: "remote",
    summary: "Control a daemon, of bip or Transmission",
    load: async () => (await import("./remote/remote.ts")).remoteVerb,
  },
  {
    name: "top",
    summary: "Watch a daemon, of bip or Transmission",
    load: async () => (await import("./remote/top.ts")).topVerb,
  },
  {
    name: "daemon",
    summary: "Run a BitTorrent daemon with remote control",
    load: async () => (await import("./daemon/daemon.ts")).daemonVerb,
  },
  {
    name: "tracker",
    summary: "Run a UDP and HTTP tracker",
    load: async () => (await import("./tracker/tracker.ts")).trackerVerb,
  },
  {
    name: "announce",
    summary: "Announce a torrent once and show the peers",
    load: async () => (await import("./tracker/announce.ts")).announceVerb,
  },
  {
    name: "scrape",
    summary: "Ask trackers how many peers a torrent has",
    load: async () => (await import("./tracker/scrape.ts")).scrapeVerb,
  },
  {
    name: "lpd",
    summary: "Find peers and services on the local network",
    load: async () => (await import("./discovery/lpd.ts")).lpdVerb,
  },
  {
    name: "portmap",
    summary: "Test port mapping on the gateway",
    load: async () => (await import("./discovery/portmap.ts")).portmapVerb,
  },
  {
    name: "dht",
    summary: "Run a DHT node, or query the DHT",
    load: async () => (await import("./discovery/dht.ts")).dhtVerb,
  },
  {
    name: "completions",
    summary: "Print a completion script for a shell",
    load: async () => (await import("./completions.ts")).completionsVerb,
  },
];
