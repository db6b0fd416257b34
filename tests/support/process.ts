/** Child processes of tests: JSON lines out, always ended by their own id. */
import { TextLineStream } from "./text_lines.ts";

/** One line of a child's output that was JSON, or `{ type: "text", text }`. */
export type ChildLine = { readonly type: string } & Record<string, unknown>;

/** How a child ended. */
export interface ChildResult {
  readonly code: number;
  readonly lines: ChildLine[];
  readonly stderr: string;
}

/** A running child whose stdout is read line by line. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: ChildLine[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #done: Promise<ChildResult>;
  #ended = false;
  #stderr = "";

  constructor(command: string, options: Deno.CommandOptions) {
    this.#process = new Deno.Command(command, {
      ...options,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#done = this.#run();
  }

  get pid(): number {
    return this.#process.pid;
  }

  get lines(): readonly ChildLine[] {
    return this.#lines;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** How it ends; never rejects. */
  get result(): Promise<ChildResult> {
    return this.#done;
  }

  /**
   * Waits for a line of a type; throws when the child ends without it, or goes
   * on without it for too long.
   */
  async line(
    type: string,
    where: (line: ChildLine) => boolean = () => true,
    timeoutMs = 150_000,
  ): Promise<ChildLine> {
    const end = performance.now() + timeoutMs;
    while (true) {
      const found = this.#lines.find((l) => l.type === type && where(l));
      if (found !== undefined) return found;
      const leftMs = end - performance.now();
      if (this.#ended || leftMs <= 0) {
        throw new Error(
          `Child ${
            this.#ended ? "ended" : `ran for ${timeoutMs / 1000} s`
          } without a "${type}" line\nstdout: ${
            JSON.stringify(this.#lines.slice(-5))
          }\nstderr: ${this.#stderr.slice(-2000)}`,
        );
      }
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        timer = setTimeout(resolve, leftMs);
      });
      clearTimeout(timer);
    }
  }

  kill(signal: Deno.Signal = "SIGTERM"): void {
    if (this.#ended) return;
    try {
      this.#process.kill(signal);
    } catch {
      // It has just ended by itself.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#done;
  }

  async #run(): Promise<ChildResult> {
    const wake = () => {
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    };
    const out = async () => {
      const lines = this.#process.stdout.pipeThrough(new TextDecoderStream())
        .pipeThrough(new TextLineStream());
      for await (const text of lines) {
        if (text === "") continue;
        let line: ChildLine = { type: "text", text };
        if (text.startsWith("{")) {
          try {
            line = JSON.parse(text);
          } catch {
            // Kept as text.
          }
        }
        this.#lines.push(line);
        wake();
      }
    };
    const err = async () => {
      const text = this.#process.stderr.pipeThrough(new TextDecoderStream());
      for await (const part of text) {
        this.#stderr = (this.#stderr + part).slice(-20_000);
      }
    };
    await Promise.all([out(), err()]);
    const { code } = await this.#process.status;
    this.#ended = true;
    wake();
    return { code, lines: this.#lines, stderr: this.#stderr };
  }
}

/** How a program ended, and what it printed. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits for the end of a program. */
export async function outputOf(
  program: Pick<Deno.Command, "output">,
): Promise<Printed> {
  const { code, stdout, stderr } = await program.output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Runs a program to its end; gives what it printed, or throws with that. */
export async function run(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await outputOf(
    new Deno.Command(command, { args, stdin: "null" }),
  );
  if (code === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")}: ${stdout}${stderr}`);
}
