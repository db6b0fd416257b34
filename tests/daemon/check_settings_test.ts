import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { changeSettings, readSettings } from "../../daemon/check_settings.ts";
import { DaemonError } from "../../daemon/error.ts";
import {
  type DaemonSettings,
  DEFAULT_SETTINGS,
} from "../../daemon/settings.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "the settings a daemon begins with are valid, and plain JSON",
  none,
  () => {
    assertEquals(
      changeSettings(DEFAULT_SETTINGS, DEFAULT_SETTINGS),
      DEFAULT_SETTINGS,
    );
    assertEquals(
      readSettings(JSON.parse(JSON.stringify(DEFAULT_SETTINGS))),
      DEFAULT_SETTINGS,
    );
  },
);

Deno.test("a change leaves the others as they are", none, () => {
  const changed = changeSettings(DEFAULT_SETTINGS, { port: 7000 });
  assertEquals(changed, { ...DEFAULT_SETTINGS, port: 7000 });
});

const WRONG: readonly [name: string, value: unknown, says: string][] = [
  ["port", 65536, "a whole number from 0 to 65535"],
  ["port", "80", "a whole number"],
  ["port", 1.5, "a whole number"],
  ["downloadDir", "", "the name of a folder"],
  ["downloadDir", "a\0b", "text"],
  ["downloadDir", "x".repeat(4097), "text"],
  ["incompleteDir", 3, "text"],
  ["startAdded", 1, "true or false"],
  [
    "downloadLimit",
    { enabled: true, value: 0 },
    '"value" is a whole number from 1',
  ],
  ["downloadLimit", { enabled: true }, '"value" is'],
  ["downloadLimit", { enabled: true, value: 5, more: 1 }, 'without "more"'],
  ["downloadLimit", null, "an object"],
  ["downloadLimit", [], "an object"],
  ["seedRatio", { enabled: true, value: NaN }, "a number from 0"],
  ["seedRatio", { enabled: true, value: -1 }, "a number from 0"],
  ["goalAction", "burn", "one of stop, remove"],
  ["utp", "on", "one of accept, both, off"],
  ["encryption", "yes", "one of off"],
  ["labelDirs", { a: 5 }, "an object of text"],
  ["labelDirs", { a: "" }, "the name of a folder"],
  ["watch", {}, "a list"],
  ["watch", [{ enabled: true, dir: "x" }], '"addedDir" is text'],
  ["defaultTrackers", ["ftp://x"], "http, https or udp URLs"],
  ["defaultTrackers", Array(1001).fill("udp://a"), "at most 1000"],
  [
    "groups",
    Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, 1])),
    "at most 1000",
  ],
  ["completedHook", { enabled: true, argv: [] }, "must name a program"],
  [
    "altSpeed",
    { ...DEFAULT_SETTINGS.altSpeed, schedule: {} },
    '"schedule" is an object',
  ],
  ["nothing", 1, 'There is no setting "nothing"'],
  ["__proto__", 1, "There is no setting"],
  ["maxPeers", 0, "a whole number from 1"],
];

for (const [name, value, says] of WRONG) {
  Deno.test(
    `setting ${name} cannot be ${JSON.stringify(value)?.slice(0, 60)}`,
    none,
    () => {
      const changes = Object.fromEntries([[name, value]]) as Partial<
        DaemonSettings
      >;
      const error = assertThrows(
        () => changeSettings(DEFAULT_SETTINGS, changes),
        DaemonError,
      );
      assertEquals(error.code, "bad-setting");
      assertStringIncludes(error.message, says);
    },
  );
}

Deno.test(
  "settings that were kept and make no sense have their default",
  none,
  () => {
    assertEquals(readSettings({ port: "x", maxPeers: 7, other: 1 }), {
      ...DEFAULT_SETTINGS,
      maxPeers: 7,
    });
    for (const kept of [undefined, null, 5, "x", []]) {
      assertEquals(
        readSettings(kept),
        DEFAULT_SETTINGS,
      );
    }
  },
);

Deno.test("a program needs no arguments, but a name", none, () => {
  const hook = (argv: string[], enabled = true) =>
    changeSettings(DEFAULT_SETTINGS, { completedHook: { enabled, argv } })
      .completedHook.argv;
  assertEquals(hook(["/bin/true"]), ["/bin/true"]);
  assertEquals(hook([], false), []);
  assertThrows(() => hook(["", "x"]), DaemonError);
});
