/** Paths of tests. */

/** A `file:` URL as a path of this system. */
export function fromFileUrl(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows"
    ? path.slice(1).replaceAll("/", "\\")
    : path;
}

/** A fresh folder that is removed on dispose. */
export class TempDir implements AsyncDisposable {
  readonly path: string;

  /** Makes one, of the system's or in a folder. */
  constructor(dir?: string) {
    const where = dir === undefined ? {} : { dir };
    this.path = Deno.makeTempDirSync({ prefix: "bip_test_", ...where });
  }

  /** A path inside the folder. */
  join(...parts: string[]): string {
    return [this.path, ...parts].join("/");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
