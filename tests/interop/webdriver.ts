/**
 * Chromium without a window, driven over WebDriver by plain `fetch` to
 * chromedriver on loopback. It resolves no names and reaches loopback only.
 */
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";

/** The programs a test that uses {@linkcode Browser} needs. */
export const BROWSER_PROGRAMS = ["chromium", "chromedriver"] as const;

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--mute-audio",
  "--autoplay-policy=no-user-gesture-required",
  "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
];

/** The key of an element's reference (W3C WebDriver, 12.1). */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Keys that are no characters (W3C WebDriver, 17.4.2). */
const KEYS: Readonly<Record<string, string>> = {
  Tab: "\uE004",
  Enter: "\uE007",
  Shift: "\uE008",
  Control: "\uE009",
  Escape: "\uE00C",
  End: "\uE010",
  Home: "\uE011",
  ArrowLeft: "\uE012",
  ArrowUp: "\uE013",
  ArrowRight: "\uE014",
  ArrowDown: "\uE015",
  Delete: "\uE017",
};

/** One browser with one window. */
export class Browser implements AsyncDisposable {
  readonly #temp: TempDir;
  readonly #driver: Child;
  readonly #session: string;

  private constructor(temp: TempDir, driver: Child, session: string) {
    this.#temp = temp;
    this.#driver = driver;
    this.#session = session;
  }

  /** Starts chromedriver, and Chromium by it. */
  static async start(): Promise<Browser> {
    const temp = new TempDir();
    const driver = new Child("chromedriver", {
      args: ["--port=0"],
      // Nothing of the person who runs this is read or written.
      env: { HOME: temp.path, XDG_CONFIG_HOME: temp.path },
    });
    try {
      const { text } = await driver.line(
        "text",
        ({ text }) => /started successfully on port \d+/.test(`${text}`),
        30_000,
      );
      const root = `http://127.0.0.1:${/on port (\d+)/.exec(`${text}`)![1]}`;
      const { sessionId } = await ask<{ sessionId: string }>(
        `${root}/session`,
        {
          capabilities: {
            alwaysMatch: {
              browserName: "chrome",
              timeouts: { script: 120_000, pageLoad: 60_000 },
              "goog:chromeOptions": {
                args: [...FLAGS, `--user-data-dir=${temp.path}/profile`],
              },
            },
          },
        },
      );
      return new Browser(temp, driver, `${root}/session/${sessionId}`);
    } catch (error) {
      await driver[Symbol.asyncDispose]();
      await temp[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Loads a page. */
  async open(url: string): Promise<void> {
    await ask(`${this.#session}/url`, { url });
  }

  /**
   * Runs the body of a function in the page, which finds what it is given in
   * `arguments`; what it returns is JSON, or a promise of it.
   */
  run<T>(script: string, ...args: readonly unknown[]): Promise<T> {
    return ask<T>(`${this.#session}/execute/sync`, { script, args });
  }

  /** Waits until an expression of the page is true; its last value. */
  async until<T>(expression: string, timeoutMs = 30_000): Promise<T> {
    const end = performance.now() + timeoutMs;
    while (true) {
      const value = await this.run<T>(`return (${expression});`);
      if (value) return value;
      if (performance.now() > end) {
        throw new Error(`${expression} did not come true in ${timeoutMs} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The text of the first element that a CSS selector names. */
  text(css: string): Promise<string> {
    return this.#of(css, (element) => ask<string>(`${element}/text`));
  }

  /** Clicks on the first element that a CSS selector names. */
  async click(css: string): Promise<void> {
    await this.#of(css, (element) => ask(`${element}/click`, {}));
  }

  /** Types into the first element that a CSS selector names; a path for files. */
  async type(css: string, text: string): Promise<void> {
    await this.#of(css, (element) => ask(`${element}/value`, { text }));
  }

  /** Presses a key on the keyboard, others held meanwhile. */
  async press(key: string, ...held: string[]): Promise<void> {
    const keys = [...held, key].map((name) => KEYS[name] ?? name);
    const actions = [
      ...keys.map((value) => ({ type: "keyDown", value })),
      ...keys.toReversed().map((value) => ({ type: "keyUp", value })),
    ];
    await ask(`${this.#session}/actions`, {
      actions: [{ type: "key", id: "keyboard", actions }],
    });
  }

  /** Makes the window as large as that; below 500 wide it is emulated. */
  async resize(width: number, height: number): Promise<void> {
    await this.devtools("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 500,
    });
  }

  /** A command of the DevTools protocol, through chromedriver. */
  devtools<T>(cmd: string, params: Record<string, unknown> = {}): Promise<T> {
    return ask<T>(`${this.#session}/goog/cdp/execute`, { cmd, params });
  }

  /** A picture of the window, as PNG. */
  async screenshot(): Promise<Uint8Array> {
    return Uint8Array.fromBase64(await ask(`${this.#session}/screenshot`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await fetch(this.#session, { method: "DELETE" })
      .then((response) => response.body?.cancel(), () => {});
    await this.#driver[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }

  async #of<T>(css: string, act: (element: string) => Promise<T>): Promise<T> {
    const found = await ask<Record<string, string>>(
      `${this.#session}/element`,
      { using: "css selector", value: css },
    );
    return await act(`${this.#session}/element/${found[ELEMENT]}`);
  }
}

/** One command of WebDriver: GET without a body, POST with one. */
async function ask<T = unknown>(url: string, body?: unknown): Promise<T> {
  const response = await fetch(
    url,
    body === undefined ? {} : { method: "POST", body: JSON.stringify(body) },
  );
  const { value } = await response.json();
  if (response.ok) return value;
  throw new Error(`${value.error}: ${`${value.message}`.split("\n", 1)[0]}`);
}
