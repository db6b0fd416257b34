import { assert, assertEquals } from "@std/assert";
import {
  DaemonLog,
  formatLogLine,
  LOG_LEVELS,
  logEntryOf,
  type LogFields,
} from "../../../cli/daemon/daemon_log.ts";
import { daemonVerb } from "../../../cli/daemon/daemon.ts";
import type { Output } from "../../../cli/terminal.ts";
import type { DaemonTorrent } from "../../../daemon/daemon_torrent.ts";
import type { DaemonEvent } from "../../../daemon/types.ts";

const none = { permissions: "none" } as const;
const EVIL = 'a b\n2026 error "x"\x1b[31m\u202e\x9b';
const torrent = {
  id: 3,
  name: EVIL,
  infoHash: "ab",
  dir: "/d",
} as DaemonTorrent;

/** One of each kind, and what is logged of it. */
const EVENTS:
  readonly (readonly [DaemonEvent, string, Record<string, unknown>])[] = [
    [{ type: "added", torrent }, "info", { infoHash: "ab", dir: "/d" }],
    [{ type: "removed", id: 5, infoHash: "ab" }, "info", {
      id: 5,
      name: undefined,
      infoHash: "ab",
    }],
    [{ type: "status", torrent, status: "queued" }, "debug", {
      status: "queued",
    }],
    [{ type: "metadata", torrent }, "info", {}],
    [{ type: "completed", torrent }, "info", {}],
    [{ type: "goal", torrent, goal: "ratio" }, "info", { goal: "ratio" }],
    [{ type: "moved", torrent, dir: "/e" }, "info", { dir: "/e" }],
    [{ type: "error", torrent, message: "m" }, "error", { message: "m" }],
    [{ type: "warning", message: "m" }, "warn", {
      id: undefined,
      name: undefined,
      message: "m",
    }],
    [{ type: "tracker", torrent, tracker: "http://t", ok: true }, "debug", {
      tracker: "http://t",
      ok: true,
      message: undefined,
    }],
    [
      { type: "tracker", torrent, tracker: "http://t", ok: false, error: "e" },
      "info",
      { tracker: "http://t", ok: false, message: "e" },
    ],
    [{ type: "settings", names: ["port"] }, "info", {
      id: undefined,
      name: undefined,
      names: ["port"],
    }],
    [{ type: "space", dir: "/d", free: 5, low: true }, "warn", {
      id: undefined,
      name: undefined,
      dir: "/d",
      free: 5,
      low: true,
    }],
    [{ type: "space", dir: "/d", free: 5, low: false }, "info", {
      id: undefined,
      name: undefined,
      dir: "/d",
      free: 5,
      low: false,
    }],
    [{ type: "watched", file: "f", torrent }, "info", {
      file: "f",
      message: undefined,
    }],
    [{ type: "watched", file: "f", message: "m" }, "warn", {
      id: undefined,
      name: undefined,
      file: "f",
      message: "m",
    }],
    [{ type: "hook", torrent, code: 0 }, "info", {
      code: 0,
      message: undefined,
    }],
    [{ type: "hook", torrent, code: 1 }, "warn", {
      code: 1,
      message: undefined,
    }],
  ];

Deno.test("help and guide name every event of the log", {
  permissions: { read: true },
}, async () => {
  const read = (path: string) =>
    Deno.readTextFile(new URL(`../../../${path}`, import.meta.url));
  const guide = await read("docs/daemon.md");
  const written = (await read("cli/daemon/daemon.ts"))
    .matchAll(/log\.write\("\w+", "([\w-]+)"/g);
  const names = new Set([
    ...EVENTS.map(([{ type }]) => type),
    ...Array.from(written, ([, name]) => name!),
  ]);
  assert(names.size > 18, `${names.size}`);
  const help = daemonVerb.details!.join();
  for (const name of names) {
    assert(help.includes(`"${name}"`), name);
    assert(guide.includes(`\`${name}\``), name);
  }
});

Deno.test("every event is an entry of its type", none, () => {
  for (const [event, level, fields] of EVENTS) {
    assertEquals(logEntryOf(event), {
      level: level as typeof LOG_LEVELS[number],
      event: event.type,
      fields: { id: 3, name: EVIL, ...fields } as LogFields,
    });
  }
});

Deno.test(
  "a line of text is one line, and nobody's name makes it two",
  none,
  () => {
    const line = formatLogLine({
      level: "warn",
      event: "x",
      fields: {
        id: 3,
        name: EVIL,
        dir: "/a-b:c",
        no: undefined,
        list: ["a", "b"],
        ok: true,
        empty: "",
      },
    }, 0);
    assertEquals(
      line,
      '1970-01-01T00:00:00.000Z warn x id=3 name="a b\\n2026 error \\"x\\"\\u001b[31m\\u202e\\u009b" dir=/a-b:c list=["a","b"] ok=true empty=""',
    );
  },
);

Deno.test(
  "a log has the levels that were asked for, as JSON by choice",
  none,
  async () => {
    const out: unknown[] = [];
    const output = {
      printJson: (value: unknown) => out.push(value),
      note: (line: string) => out.push(line),
    } as unknown as Output;
    const events = (async function* () {
      for (const [event] of EVENTS) yield event;
    })();
    await new DaemonLog(output, true, "warn").follow(events);
    assertEquals(out.map((value) => (value as { type: string }).type), [
      "error",
      "warning",
      "space",
      "watched",
      "hook",
    ]);
    const { time, ...first } = out[0] as Record<string, unknown>;
    assert(!Number.isNaN(Date.parse(time as string)));
    assertEquals(first, {
      type: "error",
      level: "error",
      id: 3,
      name: EVIL,
      message: "m",
    });
    out.length = 0;
    const text = new DaemonLog(output, false, "debug");
    for (const level of LOG_LEVELS) text.write(level, "x");
    assertEquals(out.map((line) => (line as string).slice(25)), [
      "error x",
      "warn x",
      "info x",
      "debug x",
    ]);
  },
);
