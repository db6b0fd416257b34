/** A daemon with its page in Chromium, for tests. */
import { Daemon, DaemonServer } from "../../daemon/mod.ts";
import { createMetainfo } from "../../metainfo/mod.ts";
import { TempDir } from "../support/paths.ts";
import { Browser } from "./webdriver.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
/** Pictures are kept there, if it is set. */
const SHOTS = Deno.env.get("BIP_ARTEFACTS");

/** A daemon, its page, and a browser that has it open. */
export class PageScene implements AsyncDisposable {
  private constructor(
    readonly dir: TempDir,
    readonly daemon: Daemon,
    public server: DaemonServer,
    readonly browser: Browser,
  ) {}

  static async open(): Promise<PageScene> {
    const dir = new TempDir();
    const daemon = await Daemon.open({
      state: dir.join("state.db"),
      dir: dir.path,
      session: { dht: false, lpd: false, portMap: false, listen: LOOPBACK },
    });
    const server = DaemonServer.open(daemon, { listen: LOOPBACK });
    const browser = await Browser.start();
    await browser.resize(1200, 800);
    return new PageScene(dir, daemon, server, browser);
  }

  /** Makes a torrent of two files. */
  async torrent(name: string, size = 40_000): Promise<Uint8Array> {
    return await createMetainfo({
      inputs: [
        { path: [name, "a.bin"], bytes: new Uint8Array(size) },
        { path: [name, "b.bin"], bytes: new Uint8Array(size + 1) },
      ],
      pieceLength: 16_384,
      creationDate: null,
    });
  }

  async shot(name: string): Promise<void> {
    if (SHOTS === undefined) return;
    await Deno.mkdir(SHOTS, { recursive: true });
    await Deno.writeFile(
      `${SHOTS}/page-${name}.png`,
      await this.browser.screenshot(),
    );
  }

  /** Presses keys at the list. */
  key(key: string, more: Record<string, boolean> = {}): Promise<unknown> {
    return this.browser.run(
      `document.getElementById("list").dispatchEvent(
        new KeyboardEvent("keydown", { key: arguments[0], bubbles: true, ...arguments[1] }))`,
      key,
      more,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser[Symbol.asyncDispose]();
    await this.server.close();
    await this.daemon.close();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** What a choice or a text of a field would do. */
export function enter(
  browser: Browser,
  css: string,
  value: string,
): Promise<unknown> {
  return browser.run(
    `const field = document.querySelector(arguments[0]);
     field.value = arguments[1];
     for (const type of ["input", "change"]) {
       field.dispatchEvent(new Event(type, { bubbles: true }));
     }`,
    css,
    value,
  );
}
