import { seededRandom } from "../../_shared/random.ts";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import type { WebSeedTorrent } from "../../webseed/url.ts";
import { WebSeedMachine } from "../../webseed/web_seed_machine.ts";
import type {
  WebSeedInput,
  WebSeedMachineOptions,
  WebSeedOutput,
} from "../../webseed/web_seed_types.ts";

/** Bytes of a piece. */
export const PIECE = 32_768;
export type File = { readonly length: number; readonly pad?: boolean };

/** A machine with the time, and short names for what goes in and comes out. */
export class Bench {
  now = 1000;
  readonly machine: WebSeedMachine;
  readonly torrent: WebSeedTorrent;
  readonly blocks: string[] = [];
  outputs: WebSeedOutput[] = [];

  constructor(
    files: readonly File[] = [{ length: 4 * PIECE }],
    options: Partial<WebSeedMachineOptions> & { readonly base?: string } = {},
  ) {
    const all = files.map((file, i) => ({
      pad: false,
      ...file,
      path: [`f${i}`],
    }));
    const { base = "http://seed.example/dir/", ...more } = options;
    this.torrent = {
      name: "t",
      isSingleFile: files.length === 1,
      files: all as unknown as WebSeedTorrent["files"],
      layout: new PieceLayout({ pieceLength: PIECE, files: all }),
    };
    this.machine = new WebSeedMachine({
      url: new URL(base),
      torrent: this.torrent,
      random: seededRandom(1),
      ...more,
    });
  }

  input(input: WebSeedInput): WebSeedOutput[] {
    this.machine.handle(input, this.now);
    return this.drain();
  }

  drain(): WebSeedOutput[] {
    this.outputs = [];
    let output;
    while ((output = this.machine.poll()) !== undefined) {
      if (output.type !== "block") this.outputs.push(output);
      else this.blocks.push(`${output.pieceIndex}:${output.blockOffset}`);
    }
    return this.outputs;
  }

  want(...pieces: number[]): string[] {
    const { layout } = this.torrent;
    this.input({
      type: "want",
      blocks: pieces.flatMap((piece) =>
        Array.from(
          { length: layout.blockCount(piece) },
          (_, i) => layout.block(piece, i),
        )
      ),
    });
    return this.requests();
  }

  /** What was asked for by the last input: path and range. */
  requests(): string[] {
    return this.outputs.flatMap((output) =>
      output.type === "request"
        ? [
          `${output.url.replace("http://seed.example", "")} ${
            output.headers.range ?? "whole"
          }`,
        ]
        : []
    );
  }

  types(): string[] {
    return this.outputs.map(({ type }) => type);
  }

  answer(
    status: number,
    headers: Record<string, string> = {},
    id = 1,
  ): WebSeedOutput[] {
    return this.input({
      type: "answer",
      id,
      status,
      headers: new Headers(headers),
    });
  }

  /** A good answer for a range of a file of `total` bytes. */
  part(start: number, end: number, total: number, id = 1): WebSeedOutput[] {
    return this.answer(206, {
      "content-range": `bytes ${start}-${end - 1}/${total}`,
    }, id);
  }

  bytes(length: number, id = 1): WebSeedOutput[] {
    return this.input({ type: "bytes", id, data: new Uint8Array(length) });
  }

  /** Blocks that did not come, of the transfer that ended. */
  unserved(): number | undefined {
    const done = this.outputs.find((output) => output.type === "done");
    return done?.type === "done" ? done.blocks.length : undefined;
  }

  pass(ms: number): WebSeedOutput[] {
    this.now += ms;
    const { deadline } = this.machine;
    if (deadline !== undefined && deadline <= this.now) {
      this.machine.handleTimeout(this.now);
    }
    return this.drain();
  }
}
