/**
 * A terminal that is drawn as a whole, and gives back what it showed before.
 *
 * @module
 */
import { type Output, terminalRows } from "../terminal.ts";

/** To a screen of its own, without cursor, and back. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

const encoder = new TextEncoder();

/** The terminal, until it is disposed of. */
export class Screen implements Disposable {
  readonly #output: Output;
  readonly #keys: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #leave = () => this[Symbol.dispose]();
  #isOpen = true;

  /**
   * Takes the terminal.
   *
   * @param output Where to draw.
   * @param onKeys Is told what was typed.
   */
  constructor(output: Output, onKeys: (text: string) => void) {
    this.#output = output;
    // Also when the process is ended in the midst of things.
    globalThis.addEventListener("unload", this.#leave);
    this.#write(ENTER);
    if (!Deno.stdin.isTerminal()) return;
    // Ctrl-C is a signal still.
    Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
    this.#keys = Deno.stdin.readable.getReader();
    this.#read(this.#keys, onKeys);
  }

  /** Whether the process has a terminal for one. */
  static fits(output: Output): boolean {
    return output.interactive && Deno.stdout.isTerminal();
  }

  /** Its size. */
  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#output.columns, rows: terminalRows() };
  }

  /**
   * Shows lines in place of those before.
   *
   * @param lines At most as many as there are rows, none wider than it.
   */
  draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\x1b[K`).join("\r\n");
    this.#write(`\x1b[H${text}\x1b[J`);
  }

  async #read(
    keys: ReadableStreamDefaultReader<Uint8Array>,
    onKeys: (text: string) => void,
  ): Promise<void> {
    const decoder = new TextDecoder();
    try {
      while (this.#isOpen) {
        const { done, value } = await keys.read();
        if (done) return;
        if (this.#isOpen) onKeys(decoder.decode(value, { stream: true }));
      }
    } catch {
      // A terminal that is gone types nothing.
    }
  }

  #write(text: string): void {
    this.#output.printBytes(encoder.encode(text));
  }

  /** Gives the terminal back. Idempotent. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    globalThis.removeEventListener("unload", this.#leave);
    this.#write(LEAVE);
    if (this.#keys === undefined) return;
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // It is gone.
    }
    this.#keys.cancel().catch(() => {});
  }
}
