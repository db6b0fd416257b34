import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Session } from "../../client/session.ts";
import { Daemon } from "../../daemon/daemon.ts";
import { DaemonError } from "../../daemon/error.ts";
import { StateFile } from "../../daemon/state/state_file.ts";
import { TempDir } from "../support/paths.ts";

Deno.test("a daemon that cannot keep anything leaves no session open", async () => {
  await using dir = new TempDir();
  const { keep } = StateFile.prototype;
  StateFile.prototype.keep = function (name, value) {
    if (name === "totals") throw new DaemonError("io", "Full");
    keep.call(this, name, value);
  };
  try {
    let session: Session | undefined;
    const opening = Daemon.open({
      state: dir.join("state"),
      session: async () =>
        session = await Session.open({ listen: false, dht: false, lpd: false }),
    });
    assertEquals((await assertRejects(() => opening, DaemonError)).code, "io");
    await session!.closed;
  } finally {
    StateFile.prototype.keep = keep;
  }
});

Deno.test("nothing can be done with a closed daemon", async () => {
  await using dir = new TempDir();
  const daemon = await Daemon.open({
    state: dir.join("state"),
    session: { listen: false, dht: false, lpd: false },
  });
  await daemon.close();
  await daemon.closed;
  assertEquals(
    (await assertRejects(() => daemon.add("aa".repeat(20)), DaemonError)).code,
    "closed",
  );
  assertThrows(() => daemon.set({ port: 1 }), DaemonError);
});
