import { assertEquals, assertThrows } from "@std/assert";
import { SettingsKeeper } from "../../../daemon/run/settings_keeper.ts";
import type { StateFile } from "../../../daemon/state/state_file.ts";

const pure = { permissions: "none" } as const;

function makeState(kept?: string) {
  const state = {
    kept: () => state.text,
    keep: (_: string, text: string) => void (state.text = text),
    text: kept,
  };
  const parsed = () => JSON.parse(state.text ?? "{}");
  return { state: state as unknown as StateFile, parsed };
}

const own = (dir: string) => `/base/${dir}`;

Deno.test(
  "SettingsKeeper: what is kept goes before defaults, overrides before both",
  pure,
  () => {
    const { state, parsed } = makeState();
    const defaults = { downloadDir: "/default", utp: "off" as const };
    const first = new SettingsKeeper(state, defaults, { utp: "both" });
    assertEquals([first.current.downloadDir, first.current.utp], [
      "/default",
      "both",
    ]);
    // What is usual is kept at once; an override is not.
    assertEquals([parsed().downloadDir, parsed().utp], ["/default", "off"]);
    const again = new SettingsKeeper(state, { downloadDir: "/other" }, {});
    assertEquals([again.current.downloadDir, again.current.utp], [
      "/default",
      "off",
    ]);
  },
);

Deno.test("SettingsKeeper keeps changes, folders made absolute", pure, () => {
  const { state, parsed } = makeState();
  const keeper = new SettingsKeeper(state, {}, { downloadDir: "/over" });
  keeper.set({ incompleteDir: "part", labelDirs: { a: "x" } }, own);
  assertEquals(parsed().incompleteDir, "/base/part");
  assertEquals(parsed().labelDirs, { a: "/base/x" });
  assertEquals(keeper.current.downloadDir, "/over");
  assertEquals(parsed().downloadDir === "/over", false);
  keeper.set({ downloadDir: "new" }, own);
  assertEquals([keeper.current.downloadDir, parsed().downloadDir], [
    "/base/new",
    "/base/new",
  ]);
});

Deno.test(
  "SettingsKeeper keeps nothing of a change that makes no sense",
  pure,
  () => {
    const { state, parsed } = makeState();
    const keeper = new SettingsKeeper(state, {}, {});
    const before = parsed();
    assertThrows(() => keeper.set({ utp: true } as never, own));
    assertThrows(() =>
      keeper.set({ downloadDir: "x" }, () => {
        throw new Error("It may not be used");
      })
    );
    assertEquals(parsed(), before);
    assertThrows(() => new SettingsKeeper(state, {}, { utp: 5 } as never));
  },
);
