/**
 * As much XML as gateways and object stores speak: elements and text. No DTD, no entities but the
 * five that every XML has, no attributes, everything bounded.
 *
 * @module
 */

const MAX_DEPTH = 32;

/** How much a document may hold. */
export interface XmlLimits {
  /** Most characters. @default {65536} */
  readonly maxLength?: number | undefined;
  /** Most elements. @default {2048} */
  readonly maxElements?: number | undefined;
}

/** Start of an element, its attributes passed over. */
const START =
  /<([A-Za-z_][\w.:-]{0,127})(?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)>/y;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** An element. */
export interface XmlElement {
  /** Name without the prefix of its namespace. */
  readonly name: string;
  /** Text right in it, that of children left out. */
  text: string;
  /** Elements right in it. */
  readonly children: XmlElement[];
}

/** Replaces references; `undefined` where one is not known. */
function unescape(text: string): string | undefined {
  let isKnown = true;
  const result = text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([A-Za-z]\w{0,31}));/g,
    (_, decimal, hex, name) => {
      if (name !== undefined) {
        isKnown &&= Object.hasOwn(ENTITIES, name);
        return ENTITIES[name] ?? "";
      }
      const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
      isKnown &&= code > 0 && code <= 0x10ffff;
      return isKnown ? String.fromCodePoint(code) : "";
    },
  );
  return isKnown ? result : undefined;
}

/** Where what begins at `from` ends, or -1. */
function after(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from);
  return at < 0 ? -1 : at + end.length;
}

/**
 * Parses a document. Returns its root, or `undefined` when it is broken, has a
 * DTD or an entity of its own, or is longer or deeper than it may be.
 */
export function tryParseXml(
  text: string,
  { maxLength = 65_536, maxElements = 2048 }: XmlLimits = {},
): XmlElement | undefined {
  if (text.length > maxLength) return undefined;
  const document: XmlElement = { name: "", text: "", children: [] };
  const open: { element: XmlElement; tag: string }[] = [
    { element: document, tag: "" },
  ];
  let elements = 0;
  let at = text.startsWith("\ufeff") ? 1 : 0;
  while (at < text.length) {
    const { element, tag } = open.at(-1)!;
    const next = text.indexOf("<", at);
    const plain = unescape(text.slice(at, next < 0 ? text.length : next));
    if (plain === undefined) return undefined;
    element.text += plain;
    if (next < 0) break;
    at = next;
    if (text.startsWith("<!--", at)) at = after(text, "-->", at + 4);
    else if (text.startsWith("<?", at)) at = after(text, "?>", at + 2);
    else if (text.startsWith("<![CDATA[", at)) {
      const from = at + 9;
      at = after(text, "]]>", from);
      if (at >= 0) element.text += text.slice(from, at - 3);
    } else if (text.startsWith("</", at)) {
      const end = after(text, ">", at + 2);
      if (end < 0 || text.slice(at + 2, end - 1).trimEnd() !== tag) {
        return undefined;
      }
      if (open.length === 1) return undefined;
      open.pop();
      at = end;
    } else {
      START.lastIndex = at;
      const match = START.exec(text);
      if (match === null || ++elements > maxElements) return undefined;
      const name = match[1]!.slice(match[1]!.indexOf(":") + 1);
      const child: XmlElement = { name, text: "", children: [] };
      element.children.push(child);
      if (match[2] === "") open.push({ element: child, tag: match[1]! });
      if (open.length > MAX_DEPTH + 1) return undefined;
      at = START.lastIndex;
    }
    if (at < 0) return undefined;
  }
  const isWhole = open.length === 1 && document.children.length === 1 &&
    document.text.trim() === "";
  return isWhole ? document.children[0] : undefined;
}

/** All elements of a name, at any depth, in the order of the document. */
export function* xmlElements(
  root: XmlElement,
  name: string,
): Generator<XmlElement> {
  if (root.name === name) yield root;
  for (const child of root.children) yield* xmlElements(child, name);
}

/** Trimmed text of the first element of a name, at any depth. */
export function xmlText(root: XmlElement, name: string): string | undefined {
  for (const element of xmlElements(root, name)) return element.text.trim();
  return undefined;
}

/** Makes text fit to stand in an element. */
export function escapeXml(text: string): string {
  return text.replace(
    /[&<>]/g,
    (char) => char === "&" ? "&amp;" : char === "<" ? "&lt;" : "&gt;",
  );
}
