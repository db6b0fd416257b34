/** Stand-in for `@std/cli/unstable-progress-bar`. */

export interface ProgressBarFormatter {
  styledTime: string;
  styledData: string;
  progressBar: string;
  time: number;
  previousTime: number;
  value: number;
  previousValue: number;
  max: number;
}
export interface ProgressBarOptions {
  writable?: WritableStream<Uint8Array>;
  value?: number;
  max: number;
  barLength?: number;
  fillChar?: string;
  emptyChar?: string;
  clear?: boolean;
  formatter?: (formatter: ProgressBarFormatter) => string;
  keepOpen?: boolean;
  interval?: number;
}

const CLEAR = "\r\x1b[K";
const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
function sizes(value: number, max: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let power = 0;
  while (max / 1024 ** power >= 1024 && power < names.length - 1) power++;
  const show = (bytes: number) => (bytes / 1024 ** power).toFixed(2);
  return `${show(value)}/${show(max)} ${names[power]}`;
}

export class ProgressBar {
  value: number;
  max: number;
  readonly #options: ProgressBarOptions;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #start = Date.now();
  #previousTime = 0;
  #previousValue: number;

  constructor(options: ProgressBarOptions) {
    this.#options = options;
    this.value = options.value ?? 0;
    this.max = options.max;
    this.#previousValue = this.value;
    this.#writer = (options.writable ?? Deno.stderr.writable).getWriter();
    this.#timer = setInterval(() => this.#print(), options.interval ?? 1000);
    this.#print();
  }
  async #write(text: string): Promise<void> {
    try {
      await this.#writer.write(new TextEncoder().encode(text));
    } catch {
      clearInterval(this.#timer);
    }
  }
  #print(): Promise<void> {
    const { barLength = 50, fillChar = "#", emptyChar = "-" } = this.#options;
    const time = Date.now() - this.#start;
    const share = Math.min(Math.max(this.value / this.max, 0), 1);
    const size = Math.trunc(share * barLength);
    const state: ProgressBarFormatter = {
      styledTime: `${two(time / 60_000)}:${two((time / 1000) % 60)}`,
      styledData: sizes(this.value, this.max),
      progressBar: fillChar.repeat(size) + emptyChar.repeat(barLength - size),
      time,
      previousTime: this.#previousTime,
      value: this.value,
      previousValue: this.#previousValue,
      max: this.max,
    };
    this.#previousTime = time;
    this.#previousValue = this.value;
    const { formatter } = this.#options;
    return this.#write(
      CLEAR + (formatter?.(state) ??
        `[${state.styledTime}] [${state.progressBar}] [${state.styledData}]`),
    );
  }
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#options.clear) await this.#write(CLEAR);
    else {
      await this.#print();
      await this.#write("\n");
    }
    if (this.#options.keepOpen ?? true) this.#writer.releaseLock();
    else {
      try {
        await this.#writer.close();
      } catch {
        // The reader is gone.
      }
    }
  }
}
