/**
 * A name and a password, kept so that nobody can read the password back.
 *
 * @module
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { encodeText } from "../../_shared/bytes.ts";

/** Rounds of PBKDF2 with SHA-256. Source: OWASP, password storage, 2023. */
const ROUNDS = 600_000;
/** Most rounds that a stored password may ask for. */
const MAX_ROUNDS = 10_000_000;

const FORM = "pbkdf2-sha256";

async function derive(
  password: string,
  salt: Uint8Array<ArrayBuffer>,
  rounds: number,
): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey(
    "raw",
    encodeText(password),
    "PBKDF2",
    false,
    ["deriveBits"],
  );
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds },
    key,
    256,
  );
  return new Uint8Array(bits);
}

/**
 * Prepares a password for a file or a database.
 *
 * @param password In clear.
 * @param rounds How much work each guess is to be.
 * @returns Such as `pbkdf2-sha256$600000$SALT$HASH`, in base64url.
 */
export async function hashPassword(
  password: string,
  rounds: number = ROUNDS,
): Promise<string> {
  const salt = new Uint8Array(randomBytes(16));
  const hash = await derive(password, salt, rounds);
  const text = (bytes: Uint8Array) =>
    bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return [FORM, rounds, text(salt), text(hash)].join("$");
}

interface Stored {
  readonly rounds: number;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array;
}

function tryParseStored(text: string): Stored | undefined {
  const [form, count, salt, hash, ...more] = text.split("$");
  const rounds = Number(count);
  if (form !== FORM || hash === undefined || more.length > 0) return undefined;
  if (!(rounds >= 1 && rounds <= MAX_ROUNDS)) return undefined;
  try {
    const read = (part: string) =>
      Uint8Array.fromBase64(part, { alphabet: "base64url" });
    return { rounds: Math.floor(rounds), salt: read(salt!), hash: read(hash) };
  } catch {
    return undefined;
  }
}

/** Who may come in. */
export class Login {
  readonly #key = randomBytes(32);
  /** Of name and stored password, where the password is not known in clear. */
  readonly #user: Uint8Array;
  readonly #stored: Stored | undefined;
  /** Of what is right, once it is known. */
  #right: Uint8Array | undefined;
  /** Checks under way, by what is checked. */
  readonly #checks = new Map<string, Promise<boolean>>();
  /** The last of them: one at a time, as each is a core's work. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Takes a name and a password.
   *
   * @param text `USER:PASSWORD`, the password in clear or as
   * {@linkcode hashPassword} gives it.
   * @throws {SyntaxError} If it has no name or no password.
   */
  constructor(text: string) {
    const colon = text.indexOf(":");
    const password = text.slice(colon + 1);
    if (colon < 1 || password === "") {
      throw new SyntaxError("A login must be USER:PASSWORD");
    }
    this.#user = this.#mac(text.slice(0, colon));
    this.#stored = tryParseStored(password);
    if (this.#stored === undefined) this.#right = this.#mac(text);
  }

  #mac(text: string): Uint8Array {
    return createHmac("sha256", this.#key).update(text).digest();
  }

  /**
   * Judges credentials at once, in a time that does not depend on them.
   *
   * @param text `USER:PASSWORD`.
   * @returns Whether they are right; `undefined` where that takes work, until the
   * right ones were said once.
   */
  check(text: string): boolean | undefined {
    const right = this.#right !== undefined &&
      timingSafeEqual(this.#right, this.#mac(text));
    // Only one password is right: once it is known, others are work for nobody.
    return this.#right === undefined ? undefined : right;
  }

  /**
   * Judges credentials with as much work as it takes.
   *
   * @param text `USER:PASSWORD`.
   * @returns Whether they are right.
   */
  async verify(text: string): Promise<boolean> {
    const quick = this.check(text);
    if (quick !== undefined) return quick;
    const mac = this.#mac(text);
    const key = mac.toHex();
    const check = this.#checks.get(key) ?? this.#compare(text, mac);
    this.#checks.set(key, check);
    try {
      return await check;
    } finally {
      this.#checks.delete(key);
    }
  }

  #compare(text: string, mac: Uint8Array): Promise<boolean> {
    const check = this.#last.then(() =>
      this.check(text) ?? this.#derive(text, mac)
    );
    this.#last = check.catch(() => {});
    return check;
  }

  async #derive(text: string, mac: Uint8Array): Promise<boolean> {
    const { rounds, salt, hash } = this.#stored!;
    const colon = text.indexOf(":");
    const isUser = timingSafeEqual(
      this.#user,
      this.#mac(text.slice(0, Math.max(0, colon))),
    );
    const found = await derive(text.slice(colon + 1), salt, rounds);
    const isRight = hash.length === found.length &&
      timingSafeEqual(hash, found) && isUser;
    if (isRight) this.#right = mac;
    return isRight;
  }
}

/**
 * Reads the credentials of an `Authorization` header.
 *
 * @param header Its value.
 * @returns `USER:PASSWORD`, or `undefined` if it has none. Source: RFC 7617.
 */
export function tryParseBasic(header: string | undefined): string | undefined {
  const text = /^basic +([a-z0-9+/]+=*) *$/i.exec(header ?? "")?.[1];
  if (text === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(Uint8Array.fromBase64(text));
  } catch {
    return undefined;
  }
}
