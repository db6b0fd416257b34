/**
 * What kind of file a name says it is.
 *
 * @module
 */

/** Types by extension: what is played, shown or stored, and can run nothing. */
const TYPES: Readonly<Record<string, string>> = {
  "3gp": "video/3gpp",
  "7z": "application/x-7z-compressed",
  aac: "audio/aac",
  avi: "video/x-msvideo",
  avif: "image/avif",
  epub: "application/epub+zip",
  flac: "audio/flac",
  flv: "video/x-flv",
  gif: "image/gif",
  gz: "application/gzip",
  iso: "application/x-iso9660-image",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  m2ts: "video/mp2t",
  m4a: "audio/mp4",
  m4v: "video/mp4",
  mka: "audio/x-matroska",
  mkv: "video/x-matroska",
  mov: "video/quicktime",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  mpeg: "video/mpeg",
  mpg: "video/mpeg",
  oga: "audio/ogg",
  ogg: "audio/ogg",
  ogv: "video/ogg",
  opus: "audio/ogg",
  pdf: "application/pdf",
  png: "image/png",
  rar: "application/vnd.rar",
  srt: "text/plain; charset=utf-8",
  ts: "video/mp2t",
  txt: "text/plain; charset=utf-8",
  vtt: "text/vtt; charset=utf-8",
  wav: "audio/wav",
  webm: "video/webm",
  webp: "image/webp",
  wmv: "video/x-ms-wmv",
  zip: "application/zip",
};

/**
 * Tells the media type of a file by its name.
 *
 * @param name The name.
 * @returns The type; that of any bytes for what is not known or could run.
 */
export function mediaType(name: string): string {
  const extension = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  return Object.hasOwn(TYPES, extension)
    ? TYPES[extension]!
    : "application/octet-stream";
}

/**
 * Tells whether a file is a film or sound, by its name.
 *
 * @param name The name.
 * @returns True if players take it.
 */
export function isPlayable(name: string): boolean {
  return /^(audio|video)\//.test(mediaType(name));
}
