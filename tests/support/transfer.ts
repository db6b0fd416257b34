/** A torrent that the `bip` command moves between folders or elsewhere. */
import { runBip, startBip } from "./bip.ts";
import { TempDir } from "./paths.ts";
import { type PayloadFiles, writePayload } from "./payload.ts";
import type { Child } from "./process.ts";

/** Options of a transfer on loopback that meets only the peers it is given. */
export const ALONE = [
  ...["--listen", "127.0.0.1", "--port", "0"],
  ...["--no-dht", "--no-lpd", "--no-pex", "--no-trackers"],
] as const;

/** The arguments of a download from one peer on loopback. */
export function downloadArgs(
  torrent: string,
  place: string,
  port: unknown,
  ...more: string[]
): string[] {
  const peer = `127.0.0.1:${port}`;
  return ["download", torrent, "-o", place, "--peer", peer, ...ALONE, ...more];
}

/** A torrent, its files, and a place to put them. */
export class TransferScene implements AsyncDisposable {
  readonly temp = new TempDir();
  readonly torrent: string = this.temp.join("a.torrent");
  readonly seed: string = this.temp.join("seed");
  readonly out: string = this.temp.join("out");

  /** Makes a torrent of the folder `album` among these files. */
  static async make(files: PayloadFiles): Promise<TransferScene> {
    const scene = new TransferScene();
    await Deno.mkdir(scene.seed);
    await writePayload(scene.seed, files);
    const { code, stderr } = await runBip([
      ...["create", `${scene.seed}/album`, "-o", scene.torrent],
      ...["--piece-length", "64KiB"],
    ]);
    if (code !== 0) throw new Error(stderr);
    return scene;
  }

  /** Serves it. */
  async serve(
    permissions?: readonly string[],
  ): Promise<Child & { readonly port: number }> {
    const seeder = startBip(
      ["seed", this.torrent, this.seed, ...ALONE, "--json"],
      permissions && { permissions },
    );
    const { port } = await seeder.line("listening");
    return Object.assign(seeder, { port: Number(port) });
  }

  /** The arguments of a download of it. */
  download(port: number, ...more: string[]): string[] {
    const args = ["--timeout", "30", ...more];
    return downloadArgs(this.torrent, this.out, port, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.temp[Symbol.asyncDispose]();
  }
}
