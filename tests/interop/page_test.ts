/** The page of a daemon in Chromium. */
import { assert, assertEquals } from "@std/assert";
import { DaemonServer } from "../../daemon/mod.ts";
import { enter, PageScene } from "./page_scene.ts";
import { interopTest } from "./programs.ts";
import { BROWSER_PROGRAMS } from "./webdriver.ts";

interopTest(
  "the page adds, chooses files, starts, limits, sets and removes",
  BROWSER_PROGRAMS,
  async () => {
    await using scene = await PageScene.open();
    const { browser, daemon, dir } = scene;
    await browser.open(scene.server.url);
    await browser.until(`document.querySelector(".empty").textContent`);
    // By link, and by file with a choice of files.
    await browser.click("#add");
    await browser.until(`document.querySelector("dialog[open] textarea")`);
    await browser.type(
      "dialog textarea",
      `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=By%20link`,
    );
    await browser.click("dialog button[type=submit]");
    await browser.until(`!document.querySelector("dialog")`);
    assertEquals(daemon.torrents.map(({ name }) => name), ["By link"]);
    const file = dir.join("two.torrent");
    await Deno.writeFile(file, await scene.torrent("two"));
    await browser.click("#add");
    await browser.until(`document.querySelector("dialog[open] [type=file]")`);
    await browser.type("dialog [type=file]", file);
    await browser.run(
      `document.querySelectorAll("dialog .check input")[1].click()`,
    );
    await browser.click("dialog button[type=submit]");
    await browser.until(
      `document.querySelectorAll("dialog .scroll .check").length === 2`,
    );
    await scene.shot("choice");
    const [, two] = daemon.torrents;
    assertEquals(two!.status, "stopped");
    await browser.run(
      `document.querySelectorAll("dialog .scroll input")[1].click()`,
    );
    await browser.click("dialog button[type=submit]");
    await browser.until(
      `document.querySelectorAll(".row:not([hidden])").length === 2`,
    );
    assertEquals(two!.torrent.files.map(({ priority }) => priority > 0), [
      true,
      false,
    ]);
    assert(two!.status !== "stopped");
    // Stop, and what the details say.
    await browser.click(`#torrent-${two!.id}`);
    await browser.click("#stop");
    await browser.until(
      `/Stopped/.test(document.querySelector("#torrent-${
        two!.id
      }").textContent)`,
    );
    assertEquals(two!.status, "stopped");
    await scene.key("Enter");
    await browser.until(`document.querySelector("#panel dl")`);
    assert((await browser.text("#panel")).includes(two!.infoHash));
    await browser.click("#tab-files");
    await browser.until(
      `document.querySelectorAll("#panel tbody tr").length === 2`,
    );
    await enter(browser, '[aria-label="Priority of two/a.bin"]', "1");
    await browser.run(
      `document.querySelector('[aria-label="Download two/b.bin"]').click()`,
    );
    const end = performance.now() + 20_000;
    while (
      !(two!.torrent.files[0]!.priority > 4 &&
        two!.torrent.files[1]!.priority > 0)
    ) {
      assert(performance.now() < end, "the choice does not arrive");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const tab of ["peers", "trackers", "log"]) {
      await browser.click(`#tab-${tab}`);
      await browser.until(
        `document.querySelector("#panel").textContent !== ""`,
      );
    }
    // Settings.
    await browser.click("#settings");
    await browser.until(`document.querySelector("dialog[open] fieldset")`);
    await browser.run(
      `const [down, rate] = document.querySelectorAll("dialog fieldset:nth-of-type(2) input");
       down.click();
       rate.value = "123";`,
    );
    await browser.click("dialog button[type=submit]");
    await browser.until(`!document.querySelector("dialog")`);
    assertEquals(daemon.session.downloadLimit, 123_000);
    // Wrong input stays where it is, with what is wrong.
    await browser.click("#add");
    await browser.until(`document.querySelector("dialog[open] textarea")`);
    await browser.type("dialog textarea", "no link");
    await browser.click("dialog button[type=submit]");
    await browser.until(`!document.querySelector("dialog .wrong").hidden`);
    await browser.run(`document.querySelector("dialog").close()`);
    // Everything away.
    await scene.key("a", { ctrlKey: true });
    await scene.key("Delete");
    await browser.until(`document.querySelector("dialog[open] .check")`);
    await browser.click("dialog button[type=submit]");
    await browser.until(
      `document.querySelector("#count").textContent.startsWith("0 ")`,
    );
    assertEquals(daemon.torrents.length, 0);
  },
);

interopTest(
  "the page shows thousands of torrents, and names that are hostile",
  BROWSER_PROGRAMS,
  async () => {
    await using scene = await PageScene.open();
    const { browser, daemon } = scene;
    const hostile = `<img src=x onerror="document.title='owned'">"'&lt;`;
    await daemon.add(await scene.torrent(hostile), { paused: true });
    const hash = (i: number) => i.toString(16).padStart(40, "0");
    for (let i = 1; i < 5000; i++) {
      await daemon.add(`magnet:?xt=urn:btih:${hash(i)}&dn=Number%20${i}`, {
        paused: true,
        ...(i % 1000 === 0 ? { labels: ["round"] } : {}),
      });
    }
    await browser.open(scene.server.url);
    await browser.until(
      `document.querySelector("#count").textContent === "5000 torrents"`,
    );
    // Only what can be seen is there.
    const rows = () =>
      browser.run<string[]>(
        `return [...document.querySelectorAll(".row:not([hidden])")]
          .sort((a, b) => a.getAttribute("aria-rowindex") - b.getAttribute("aria-rowindex"))
          .map((row) => row.querySelector(".name").textContent)`,
      );
    assert((await rows()).length < 50);
    await scene.shot("thousands");
    await scene.key("End");
    await browser.until(`document.querySelector("#torrent-5000")`);
    assert((await rows()).includes("Number 4999"));
    await scene.key("Home");
    let fit = 0;
    for (let i = 1; i < 5000; i++) if (`${i}`.includes("49")) fit++;
    await enter(browser, "#search", "49 number");
    await browser.until(
      `document.querySelector("#count").textContent.startsWith("${fit} of 5000")`,
    );
    await enter(browser, "#sort", "name");
    assertEquals((await rows()).slice(0, 2), ["Number 49", "Number 149"]);
    await browser.click("#reverse");
    assertEquals((await rows())[0], "Number 4999");
    await enter(browser, "#search", "");
    await enter(browser, "#label", "round");
    assertEquals(await rows(), [
      "Number 4000",
      "Number 3000",
      "Number 2000",
      "Number 1000",
    ]);
    // The name is text wherever it is shown.
    await enter(browser, "#label", "");
    await enter(browser, "#search", "onerror");
    await browser.until(`document.querySelector("#torrent-1")`);
    await browser.click("#torrent-1");
    await scene.key("Enter");
    await browser.click("#tab-files");
    await browser.until(`document.querySelector("#panel table")`);
    assertEquals(await browser.run(`return document.title`), "bip");
    assertEquals(await browser.run(`return document.images.length`), 0);
    assert((await browser.text("#details h2")).includes("<img"));
    // Not even a script that got in would run.
    await browser.run(
      `const script = document.createElement("script");
       script.textContent = "document.title = 'owned'";
       document.body.append(script);
       document.body.insertAdjacentHTML("beforeend", arguments[0]);`,
      hostile,
    );
    await browser.run(
      `return new Promise((resolve) => setTimeout(resolve, 100))`,
    );
    assertEquals(await browser.run(`return document.title`), "bip");
  },
);

interopTest(
  "the page lives through a lost connection",
  BROWSER_PROGRAMS,
  async () => {
    await using scene = await PageScene.open();
    const { browser, daemon } = scene;
    await daemon.add(await scene.torrent("before"), { paused: true });
    await browser.open(scene.server.url);
    await browser.until(`document.querySelector(".row")`);
    const { local } = scene.server;
    await scene.server.close();
    await browser.until(`!document.querySelector("#banner").hidden`);
    await scene.shot("lost");
    await daemon.add(await scene.torrent("after"), { paused: true });
    scene.server = DaemonServer.open(daemon, { listen: local });
    await browser.until(
      `document.querySelector("#banner").hidden &&
       document.querySelector("#count").textContent === "2 torrents"`,
    );
  },
);

/** What cannot be read, and what has no name: for both, an empty list is right. */
const AUDIT = `
  const light = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    const part = (value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    return { a, value: 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b) };
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const back = light(getComputedStyle(at).backgroundColor);
      if (back.a === 1) return back.value;
    }
    return 1;
  };
  const wrong = [];
  const isSeen = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  for (const element of document.body.querySelectorAll("*")) {
    if (!isSeen(element) || element.matches(":disabled, option")) continue;
    const text = [...element.childNodes].filter((node) => node.nodeType === 3)
      .map((node) => node.data).join("").trim();
    if (text !== "") {
      const [a, b] = [light(getComputedStyle(element).color).value, behind(element)];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < 4.5) wrong.push([element.outerHTML.slice(0, 80), contrast]);
    }
    if (element.matches("button, input, select, textarea, canvas, [role=tab], [role=grid]")) {
      const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent ||
        element.textContent;
      if (!name?.trim()) wrong.push([element.outerHTML.slice(0, 80), "no name"]);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    wrong.push(["the page", "wider than the window"]);
  }
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  if (new Set(ids).size < ids.length) wrong.push(["the page", "an id twice"]);
  return wrong;`;

interopTest(
  "the page can be read in light and dark, wide and narrow, and has names",
  BROWSER_PROGRAMS,
  async () => {
    await using scene = await PageScene.open();
    const { browser, daemon } = scene;
    for (let i = 0; i < 30; i++) {
      await daemon.add(await scene.torrent(`Number ${i}`, 40_000 + i), {
        paused: i % 2 === 0,
        labels: ["music"],
      });
    }
    await browser.open(scene.server.url);
    await browser.until(`document.querySelector("#torrent-2")`);
    for (const scheme of ["light", "dark"]) {
      await browser.devtools("Emulation.setEmulatedMedia", {
        features: [{ name: "prefers-color-scheme", value: scheme }],
      });
      for (const [width, height] of [[1200, 800], [360, 640]] as const) {
        const where = `${scheme}-${width}`;
        await browser.resize(width, height);
        assertEquals(await browser.run(AUDIT), [], where);
        await browser.click("#torrent-2");
        await scene.key("Enter");
        for (const tab of ["overview", "files", "trackers", "log"]) {
          await browser.click(`#tab-${tab}`);
          await browser.until(
            `document.querySelector("#panel").textContent !== ""`,
          );
          await scene.shot(`${where}-${tab}`);
          assertEquals(await browser.run(AUDIT), [], `${where} ${tab}`);
        }
        await browser.click("#tab-overview");
        await browser.click("#close");
        for (const button of ["add", "settings", "session"]) {
          await browser.click(`#${button}`);
          await browser.until(`document.querySelector("dialog[open] button")`);
          await scene.shot(`${where}-${button}`);
          assertEquals(await browser.run(AUDIT), [], `${where} ${button}`);
          await browser.run(`document.querySelector("dialog").close()`);
          await browser.until(`!document.querySelector("dialog")`);
        }
      }
    }
  },
);
