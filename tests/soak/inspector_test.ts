import { assert, assertEquals } from "@std/assert";
import { Child } from "../support/process.ts";
import { INSPECTOR_LINE, liveBytes } from "./inspector.ts";

Deno.test({
  name: "liveBytes - buffers count while they are held, garbage does not",
  // Tells the child by a signal that Windows does not have.
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const program = `
      let held = new Uint8Array(50e6).fill(1);
      for (let i = 0; i < 30; i++) new Uint8Array(1e6).fill(i);
      Deno.addSignalListener("SIGUSR2", () => {
        held = undefined;
        console.log('{"type":"dropped"}');
      });
      console.log('{"type":"held"}');
      setInterval(() => {}, 1e6);`;
    await using child = new Child(Deno.execPath(), {
      args: ["eval", "--inspect=127.0.0.1:0", program],
    });
    await child.line("held");
    // The other pipe may be read later.
    while (!child.stderr.includes("127.0.0.1")) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(child.stderr)![1]);
    const full = await liveBytes(port);
    child.kill("SIGUSR2");
    await child.line("dropped");
    const empty = await liveBytes(port);
    assert(full > 50e6 && full < 70e6, `${full}`);
    assert(empty < 20e6, `${empty}`);
    assertEquals(child.stderr.replaceAll(INSPECTOR_LINE, ""), "");
  },
});
