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
  ["downloadLimit", null, "an object with enabled, value"],
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

const schedule = (beginMinute: number, endMinute: number, days: number) => ({
  ...DEFAULT_SETTINGS.altSpeed,
  schedule: { enabled: true, beginMinute, endMinute, days },
});

/** What is just right, and what is just too much. */
const BOUNDS: readonly [
  keyof DaemonSettings,
  right: unknown[],
  wrong: unknown[],
][] = [
  ["port", [0, 65535], [-1, 65536]],
  ["maxPeers", [1, 10_000], [0, 10_001]],
  ["maxPeersPerTorrent", [1, 10_000], [0, 10_001]],
  ["downloadDir", ["x".repeat(4096)], ["x".repeat(4097)]],
  ["incompleteDir", ["", "x".repeat(4096)], ["x".repeat(4097)]],
  [
    "seedRatio",
    [0, 1e9].map((value) => ({ enabled: true, value })),
    [-0.1, 1.1e9].map((value) => ({ enabled: true, value })),
  ],
  [
    "downloadLimit",
    [1, Number.MAX_SAFE_INTEGER].map((value) => ({ enabled: true, value })),
    [0, 2 ** 53].map((value) => ({ enabled: true, value })),
  ],
  [
    "downloadQueue",
    [0, 1e6].map((value) => ({ enabled: true, value })),
    [-1, 1e6 + 1].map((value) => ({ enabled: true, value })),
  ],
  [
    "stalledMinutes",
    [0, 1e8].map((value) => ({ enabled: true, value })),
    [-1, 1e8 + 1].map((value) => ({ enabled: true, value })),
  ],
  [
    "minFreeBytes",
    [0, 1e15].map((value) => ({ enabled: true, value })),
    [-1].map((value) => ({ enabled: true, value })),
  ],
  ["altSpeed", [schedule(0, 1439, 0), schedule(1439, 0, 127)], [
    schedule(-1, 0, 0),
    schedule(0, 1440, 0),
    schedule(0, 0, 128),
    schedule(0, 0, -1),
  ]],
  [
    "defaultTrackers",
    [Array(1000).fill("udp://a"), ["HTTP://a/", "https://b"]],
    [Array(1001).fill("udp://a"), ["http://"], ["http:///a"]],
  ],
  ["labelDirs", [
    Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [i, "d"])),
  ], [Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, "d"]))]],
];

for (const [name, right, wrong] of BOUNDS) {
  Deno.test(`setting ${name} has bounds`, none, () => {
    for (const value of right) {
      assertEquals(
        changeSettings(DEFAULT_SETTINGS, { [name]: value })[name],
        value as DaemonSettings[typeof name],
      );
    }
    for (const value of wrong) {
      assertThrows(
        () => changeSettings(DEFAULT_SETTINGS, { [name]: value }),
        DaemonError,
      );
    }
  });
}
