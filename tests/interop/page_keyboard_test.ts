/** The page by keyboard alone, and how long it keeps the browser busy. */
import { assert, assertEquals } from "@std/assert";
import { enter, PageScene } from "./page_scene.ts";
import { interopTest } from "./programs.ts";
import { type Browser, BROWSER_PROGRAMS } from "./webdriver.ts";

/** What has the focus: its id, or what it is. */
const FOCUS = `
  const at = document.activeElement;
  return at === document.body ? "" :
    at.id || at.getAttribute("aria-label") || at.textContent.trim() || at.tagName`;
const focused = (browser: Browser) => browser.run<string>(FOCUS);

/** Whether one sees where the focus is. */
const SEEN = `
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1`;

/** Tabs until the focus is where it was; gives what it was at. */
async function round(browser: Browser, ...held: string[]): Promise<string[]> {
  const places: string[] = [];
  for (let i = 0; i < 60; i++) {
    await browser.press("Tab", ...held);
    const place = await focused(browser);
    if (place === places[0]) return places;
    assert(place === "" || await browser.run(SEEN), `${place} is not seen`);
    if (place !== "") places.push(place);
  }
  throw new Error(`There is no way round: ${places.join(", ")}`);
}

/** Every control that can be used now. */
const CONTROLS = `
  return [...document.querySelectorAll("button, select, input, textarea, [tabindex]")]
    .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)
    .map((one) => one.id).filter(Boolean)`;

interopTest(
  "the page is used by keyboard alone, and says where it is",
  BROWSER_PROGRAMS,
  async () => {
    await using scene = await PageScene.open();
    const { browser, daemon } = scene;
    const [one, two] = [
      await daemon.add(await scene.torrent("one"), { paused: true }),
      await daemon.add(await scene.torrent("two", 50_000), { paused: true }),
    ];
    await browser.open(scene.server.url);
    await browser.until(`document.querySelector("#torrent-2")`);
    // Round and round, both ways; everything is on the way.
    const controls = await browser.run<string[]>(CONTROLS);
    const way = await round(browser);
    assertEquals(controls.filter((id) => !way.includes(id)), []);
    assertEquals((await round(browser, "Shift")).toSorted(), way.toSorted());
    // The list: choose, open, walk through the tabs, and back.
    await browser.run(`document.querySelector("#list").focus()`);
    await browser.press("End");
    await browser.until(`!document.querySelector("#start").disabled`);
    const rowOf = (id: number) =>
      `document.querySelector("#list").getAttribute("aria-activedescendant") === "torrent-${id}"`;
    await browser.until(rowOf(two.id));
    await browser.press("Enter");
    await browser.until(`document.querySelector("#panel dl")`);
    const inside = await round(browser);
    assert(inside.includes("close") && inside.includes("tab-overview"));
    await browser.run(`document.querySelector("#tab-overview").focus()`);
    await browser.press("ArrowRight");
    assertEquals(await focused(browser), "tab-files");
    await browser.until(`document.querySelector("#panel tbody tr")`);
    await browser.press("Tab");
    assertEquals(await focused(browser), "Download two/a.bin");
    await browser.press(" ");
    const end = performance.now() + 20_000;
    while (two.torrent.files[0]!.priority > 0) {
      assert(performance.now() < end, "the choice does not arrive");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await browser.press("Escape");
    assertEquals(await focused(browser), "list");
    assert(
      await browser.run(`return document.querySelector("#details").hidden`),
    );
    // A menu: opened, walked, left, used.
    await browser.run(`document.querySelector("#more").focus()`);
    await browser.press("Enter");
    const isOpen = `document.activeElement.closest("#menu:popover-open")`;
    await browser.until(isOpen);
    assertEquals(await focused(browser), "Start now");
    await browser.press("Escape");
    await browser.until(`!document.querySelector("#menu:popover-open")`);
    assertEquals(await focused(browser), "more");
    assertEquals([one.queuePosition, two.queuePosition], [0, 1]);
    await browser.press("Enter");
    await browser.until(isOpen);
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) {
      await browser.press(key);
    }
    assertEquals(await focused(browser), "Move to top of queue");
    await browser.press("Enter");
    while (two.queuePosition !== 0) {
      assert(performance.now() < end, "the queue stays as it is");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // Windows: the focus goes in, stays in, and comes back to where it was.
    const windows: [string, string[]][] = [
      ["list", ["+"]],
      ["list", ["Delete"]],
      ["settings", ["Enter"]],
      ["session", ["Enter"]],
      ["add", ["Enter"]],
    ];
    for (const [from, keys] of windows) {
      await browser.run(`document.getElementById("${from}").focus()`);
      for (const key of keys) await browser.press(key);
      await browser.until(`document.querySelector("dialog[open] button")`);
      for (let i = 0; i < 30; i++) {
        await browser.press("Tab");
        const isOutside = await browser.run(
          `const at = document.activeElement;
           return at !== document.body && !at.closest("dialog")`,
        );
        assertEquals(isOutside, false, await focused(browser));
      }
      await browser.press("Escape");
      await browser.until(`!document.querySelector("dialog")`);
      assertEquals(await focused(browser), from);
    }
    assertEquals(daemon.torrents.length, 2);
    // Who writes is not disturbed when what is shown goes away.
    await browser.run(`document.querySelector("#list").focus()`);
    await browser.press("Enter");
    await browser.until(`document.querySelector("#panel table, #panel dl")`);
    await browser.run(`document.querySelector("#search").focus()`);
    for (const torrent of daemon.torrents) await daemon.remove(torrent);
    await browser.until(`document.querySelector("#details").hidden`);
    assertEquals(await focused(browser), "search");
  },
);

interopTest(
  "the page never keeps the browser busy for long, with thousands of torrents",
  BROWSER_PROGRAMS,
  async () => {
    await using scene = await PageScene.open();
    const { browser, daemon } = scene;
    for (let i = 1; i <= 5000; i++) {
      const hash = i.toString(16).padStart(40, "0");
      await daemon.add(`magnet:?xt=urn:btih:${hash}&dn=Number%20${i}`, {
        paused: true,
        labels: [`label ${i % 50}`],
      });
    }
    // Time of the thread, not of the wall: others may have the machine.
    await browser.devtools("Performance.enable", { timeDomain: "threadTicks" });
    await browser.open(scene.server.url);
    await browser.until(
      `document.querySelector("#count").textContent === "5000 torrents"`,
    );
    const busyMs = async () => {
      const { metrics } = await browser.devtools<
        { metrics: { name: string; value: number }[] }
      >("Performance.getMetrics");
      return 1000 * metrics.find(({ name }) => name === "TaskDuration")!.value;
    };
    const tasks: [string, () => Promise<unknown>][] = [
      ["filter", () => enter(browser, "#search", "number 49")],
      ["filter by label", () => enter(browser, "#label", "label 7")],
      ["all again", () => enter(browser, "#label", "")],
      ["and again", () => enter(browser, "#search", "")],
      ["sort by name", () => enter(browser, "#sort", "name")],
      [
        "reverse",
        () => browser.run(`document.querySelector("#reverse").click()`),
      ],
      ["sort by size", () => enter(browser, "#sort", "size_when_done")],
      ["to the end", () => scene.key("End")],
      ["choose all", () => scene.key("a", { ctrlKey: true })],
      ...[5_000, 100_000, 250_000].map((top): typeof tasks[number] => [
        `scroll to ${top}`,
        () =>
          browser.run(`document.querySelector("#list").scrollTop = ${top};
            return new Promise((resolve) => requestAnimationFrame(() => resolve()))`),
      ]),
    ];
    for (const [name, work] of tasks) {
      // The least of three: some have a question of the page in them.
      const times: number[] = [];
      for (let i = 0; i < 3; i++) {
        const before = await busyMs();
        await work();
        times.push(await busyMs() - before);
      }
      assert(Math.min(...times) < 100, `${name} takes ${times.join(", ")} ms`);
    }
  },
);
