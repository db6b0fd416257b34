import { assertEquals, assertRejects } from "@std/assert";
import { interopTest } from "./programs.ts";
import { Browser, BROWSER_PROGRAMS } from "./webdriver.ts";

interopTest(
  "Chromium: a page on loopback is driven over WebDriver",
  BROWSER_PROGRAMS,
  async () => {
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () =>
        new Response(
          `<input id="in"><button onclick="out.textContent = document.getElementById('in').value">x</button><p id="out"></p>`,
          { headers: { "content-type": "text/html" } },
        ),
    );
    await using browser = await Browser.start();
    await browser.open(`http://127.0.0.1:${server.addr.port}/`);
    await browser.type("#in", "såy");
    await browser.click("button");
    assertEquals(await browser.text("#out"), "såy");
    assertEquals(await browser.run("return arguments[0] + 1;", 2), 3);
    assertEquals(
      await browser.run("return fetch('/').then((r) => r.status);"),
      200,
    );
    assertEquals(await browser.until("out.textContent.length"), 3);
    assertEquals(
      (await browser.screenshot()).subarray(1, 4),
      new Uint8Array([80, 78, 71]),
    );
    await assertRejects(
      () => browser.run("throw new Error('no');"),
      Error,
      "no",
    );
    await assertRejects(() => browser.click("#none"), Error, "no such element");
  },
);
