import { assertEquals } from "@std/assert";
import type { DaemonContext } from "../../../daemon/context.ts";
import type { DaemonTorrent } from "../../../daemon/daemon_torrent.ts";
import { queueEntry } from "../../../daemon/run/queue_entry.ts";

Deno.test("queueEntry() says what a torrent wants of the queue", {
  permissions: "none",
}, () => {
  const record = { complete: false, wanted: true, forced: false };
  const entry = (
    more: Partial<typeof record> = {},
    { state = "downloading", idle, lacks = false, enabled = true }: {
      readonly state?: string;
      readonly idle?: number;
      readonly lacks?: boolean;
      readonly enabled?: boolean;
    } = {},
  ) =>
    queueEntry(
      {
        id: 7,
        record: { ...record, ...more },
        torrent: { state },
      } as unknown as DaemonTorrent,
      {
        idleMs: () => idle,
        lacksSpace: () => lacks,
      } as unknown as DaemonContext,
      { enabled, value: 2 },
    );
  const plain = {
    id: 7,
    kind: "download",
    wanted: true,
    forced: false,
    stalled: false,
  };
  assertEquals(entry(), plain as ReturnType<typeof entry>);
  assertEquals(entry({ complete: true }).kind, "seed");
  assertEquals(entry({ forced: true }).forced, true);
  assertEquals(entry({ wanted: false }).wanted, false);
  assertEquals(entry({}, { state: "error" }).wanted, false);
  assertEquals(entry({}, { lacks: true }).wanted, false);
  const stalled = [
    entry({}, { idle: 119_999 }),
    entry({}, { idle: 120_000 }),
    entry({}, { idle: 120_000, enabled: false }),
    entry({}, { idle: 120_000, state: "checking" }),
  ];
  assertEquals(stalled.map((one) => one.stalled), [false, true, false, false]);
});
