import { assertEquals, assertStringIncludes } from "@std/assert";
import { EventQueue } from "../../../_shared/event_queue.ts";
import {
  failureLine,
  type ReportedTorrent,
  Reporter,
} from "../../../cli/transfer/reporter.ts";
import type { SessionEvent, TorrentEvent } from "../../../client/mod.ts";
import { IDLE } from "../../support/torrent_stats.ts";
import { recorder } from "../../support/output.ts";

/** A reporter of a torrent that does nothing by itself. */
function makeReporter(options: {
  readonly json: boolean;
  readonly quiet?: boolean;
  readonly onNote?: (line: string) => void;
  readonly close?: () => Promise<void>;
}) {
  const events = new EventQueue<TorrentEvent>(100);
  const told = new EventQueue<SessionEvent>(100);
  const out: { readonly type: string }[] = [];
  const notes: string[] = [];
  const torrent: ReportedTorrent = {
    infoHash: new Uint8Array(20),
    metainfo: undefined,
    name: "n\x1b[2Jame",
    state: "downloading",
    stats: () => IDLE,
    trackers: () => [],
    events: ({ signal } = {}) => {
      signal?.addEventListener("abort", () => events.close());
      return events;
    },
  };
  const reporter = new Reporter({
    peers: [{ hostname: "127.0.0.1", port: 1 }],
    session: {
      dht: undefined,
      local: undefined,
      events: ({ signal } = {}) => {
        signal?.addEventListener("abort", () => told.close());
        return told;
      },
      close: options.close ?? (async () => {}),
    },
    json: options.json,
    quiet: options.quiet ?? false,
    output: {
      ...recorder(),
      printJson: (value) => out.push(value as { readonly type: string }),
      note(line) {
        notes.push(line);
        options.onNote?.(line);
      },
    },
  });
  reporter.add(torrent);
  return { reporter, torrent, events, told, out, notes };
}

Deno.test({
  name: "Reporter - leaving says what it waits for when that takes a while",
  permissions: "none",
  async fn() {
    const closed = Promise.withResolvers<void>();
    const { reporter, notes } = makeReporter({
      json: false,
      close: () => closed.promise,
      onNote: () => closed.resolve(),
    });
    await reporter.leave();
    assertEquals(notes, ["Stopping: notifying the trackers"]);
    await reporter[Symbol.asyncDispose]();
  },
});

Deno.test({
  name: "Reporter - warnings are shown where no progress is wanted",
  permissions: "none",
  async fn() {
    const { reporter, torrent, events, notes } = makeReporter({
      json: false,
      quiet: true,
    });
    events.push({
      type: "warning",
      code: "surplus",
      message: "too long",
      files: [],
    });
    reporter.warn("resume-data", "not kept", torrent);
    reporter.note("Listening");
    await reporter[Symbol.asyncDispose]();
    assertEquals(notes.toSorted(), ["Warning: not kept", "Warning: too long"]);
  },
});

Deno.test({
  name: "Reporter - what happens while it leaves is told, its failure is not",
  permissions: "none",
  async fn() {
    const { reporter, events, out, notes } = makeReporter({
      json: true,
      close() {
        events.push({ type: "state", state: "removed" });
        return Promise.reject(new Error("second"));
      },
    });
    events.push({
      type: "warning",
      code: "surplus",
      message: "too long: \x1b[2J",
      files: ["a\n"],
    });
    await reporter.abandon();
    await reporter[Symbol.asyncDispose]();
    assertEquals(out.map(({ type }) => type).filter((t) => t !== "progress"), [
      "listening",
      "state",
      "warning",
      "state",
    ]);
    assertEquals(notes, []);
  },
});

Deno.test({
  name:
    "Reporter - warnings, trackers and bans are shown harmless, on one line each",
  permissions: "none",
  async fn() {
    const { reporter, events, notes } = makeReporter({ json: false });
    const evil = "a\x1b[2J\r\n\u202eb";
    events.push({ type: "warning", code: "lost", message: evil, files: [] });
    events.push({ type: "tracker", tracker: evil, ok: false, error: evil });
    events.push({
      type: "peer-banned",
      address: { hostname: "127.0.0.1", port: 1 },
      direction: "inbound",
      reason: evil,
    });
    await reporter[Symbol.asyncDispose]();
    assertEquals(notes.length, 3);
    for (const note of notes) {
      // deno-lint-ignore no-control-regex
      assertEquals(/[\x00-\x1f\u202e]/.test(note), false, note);
      assertStringIncludes(note, "a\\x1b[2J\\x0d\\x0a\\u{202e}b");
    }
  },
});

Deno.test({
  name: "Reporter - a named peer that fails and a tracker are told once",
  permissions: "none",
  async fn() {
    const { reporter, events, notes } = makeReporter({ json: false });
    for (let i = 0; i < 12; i++) {
      events.push({
        type: "tracker",
        tracker: "udp://t.example:1",
        ok: false,
        error: "Tracker udp://t.example:1 did not answer",
      });
      for (const port of [1, 2]) {
        events.push({
          type: "peer-failed",
          address: { hostname: "127.0.0.1", port },
          direction: "outbound",
          reason: "connect-failed",
          message: "Cannot connect to the peer: Connection refused",
        });
      }
    }
    await reporter[Symbol.asyncDispose]();
    assertEquals(notes, [
      "Tracker udp://t.example:1: did not answer",
      "Peer 127.0.0.1:1: Connection refused",
      "Tracker udp://t.example:1: did not answer (10 times)",
      "Tracker udp://t.example:1: did not answer (12 times)",
    ]);
  },
});

Deno.test({
  name: "failureLine() - names the source once, and no secret of its URL",
  permissions: "none",
  fn() {
    assertEquals(
      failureLine("a.torrent", "Cannot read a.torrent: it is a folder"),
      "bip: error: Cannot read a.torrent: it is a folder",
    );
    assertEquals(
      failureLine("https://u:p@t.example/a?passkey=1", "Not complete"),
      "bip: error: https://t.example/a: Not complete",
    );
  },
});

Deno.test({
  name: "Reporter - tells when no peer can connect, and when that is over",
  permissions: "none",
  async fn() {
    const address = { hostname: "127.0.0.1", port: 6881 };
    const cause = new Error("Too many open\x1b files");
    const listener = {
      type: "listener",
      address,
      error: new Error("Cannot accept a connection", { cause }),
    } as const;
    const listening = { type: "listening", local: address } as const;
    const events = [listener, listener, listening, listener, listening];
    const message = "No peer can connect to 127.0.0.1:6881: Too many open";
    for (const json of [false, true]) {
      const { reporter, told, out, notes } = makeReporter({ json });
      for (const event of events) told.push(event);
      await reporter[Symbol.asyncDispose]();
      assertEquals(
        notes,
        json ? [] : [
          `Warning: ${message}\\x1b files`,
          "Listening on 127.0.0.1:6881 again",
        ],
      );
      const line = {
        type: "listening",
        address: "127.0.0.1",
        port: 6881,
      };
      const warning = {
        type: "warning",
        code: "listener",
        message: `${message}\x1b files`,
        files: [],
      };
      assertEquals(
        out.filter(({ type }) => type === "listening" || type === "warning")
          .slice(1),
        json ? [warning, line, line] : [],
      );
    }
  },
});
