import { assertEquals, assertThrows } from "@std/assert";
import { parseVerbArguments } from "../../../cli/arguments.ts";
import { daemonVerb } from "../../../cli/daemon/daemon.ts";
import { settingsOf } from "../../../cli/daemon/daemon_plan.ts";
import { UsageError } from "../../../cli/error.ts";
import { changeSettings } from "../../../daemon/check_settings.ts";
import { DEFAULT_SETTINGS } from "../../../daemon/settings.ts";

const set = (...texts: string[]) =>
  settingsOf(
    parseVerbArguments(texts.flatMap((text) => ["--set", text]), daemonVerb),
  );

Deno.test("--set takes any setting", { permissions: "none" }, () => {
  const labelDirs = { films: "/srv/films" };
  assertEquals(
    set(
      "incompleteSuffix=.part",
      "seedRatio=2",
      "downloadQueue=none",
      "startAdded=false",
      "goalAction=remove",
      "maxPeers=9",
      `labelDirs=${JSON.stringify(labelDirs)}`,
      'stalledMinutes={"enabled":false,"value":7}',
      "downloadDir=/a=b",
      "incompleteDir=5",
    ),
    {
      incompleteSuffix: ".part",
      seedRatio: { enabled: true, value: 2 },
      downloadQueue: { enabled: false, value: 5 },
      startAdded: false,
      goalAction: "remove",
      maxPeers: 9,
      labelDirs,
      stalledMinutes: { enabled: false, value: 7 },
      downloadDir: "/a=b",
      incompleteDir: "5",
    },
  );
  // Each can be typed as it is.
  for (const [name, value] of Object.entries(DEFAULT_SETTINGS)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const made = set(`${name}=${text}`);
    assertEquals(made, { [name]: value });
    assertEquals(changeSettings(DEFAULT_SETTINGS, made), DEFAULT_SETTINGS);
  }
});

Deno.test("--set says what is wrong", { permissions: "none" }, () => {
  for (const value of ["2x", "true", '"2"', ""]) {
    assertThrows(
      () => set(`seedRatio=${value}`),
      UsageError,
      "--set seedRatio must be a number or none",
    );
  }
  assertThrows(() => set("seedRatio"), UsageError, "--set must be NAME=VALUE");
  for (const name of ["nix", "__proto__", "toString"]) {
    assertThrows(
      () => changeSettings(DEFAULT_SETTINGS, set(`${name}=1`)),
      Error,
      `There is no setting "${name}"`,
    );
  }
  assertThrows(
    () => changeSettings(DEFAULT_SETTINGS, set("maxPeers=many")),
    Error,
    'Setting "maxPeers" must be a whole number',
  );
});

Deno.test("the guide names every setting", {
  permissions: { read: true },
}, async () => {
  const guide = await Deno.readTextFile(
    new URL("../../../docs/daemon.md", import.meta.url),
  );
  assertEquals(
    Object.keys(DEFAULT_SETTINGS).filter((name) =>
      !guide.includes(`\`${name}\``)
    ),
    [],
  );
});
