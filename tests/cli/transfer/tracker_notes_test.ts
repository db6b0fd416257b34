import { assert, assertEquals } from "@std/assert";
import { TrackerNotes } from "../../../cli/transfer/tracker_notes.ts";

Deno.test({
  name: "TrackerNotes - a short line once, its repeats counted",
  permissions: "none",
  fn() {
    const notes = new TrackerNotes();
    const told: string[] = [];
    for (let i = 0; i < 101; i++) {
      const line = notes.failed("udp://t:1", "busy");
      if (line !== undefined) told.push(line);
    }
    assertEquals(told, [
      "Tracker udp://t:1: busy",
      "Tracker udp://t:1: busy (10 times)",
      "Tracker udp://t:1: busy (100 times)",
    ]);
    assertEquals(
      notes.failed("udp://u:1", "\x1b[2J"),
      "Tracker udp://u:1: \\x1b[2J",
    );
    assertEquals(notes.rest(), ["Tracker udp://t:1: busy (101 times)"]);
    assertEquals(notes.rest(), []);
    assertEquals(
      notes.failed("http://v", "Cannot reach tracker http://v: refused"),
      "Tracker http://v: Cannot reach: refused",
    );
    const long = notes.failed("http://t", "x".repeat(5000))!;
    assert(long.length <= 120, long);
    // Strangers choose the words: only so many kinds are kept.
    for (let i = 0; i < 2000; i++) notes.failed("http://t", `error ${i}`);
    assertEquals(notes.failed("http://t", "another"), undefined);
  },
});
