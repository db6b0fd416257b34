import { assertEquals } from "@std/assert";
import {
  escapeXml,
  tryParseXml,
  xmlElements,
  xmlText,
} from "../../../_shared/http/xml.ts";

const none = { permissions: "none" } as const;

Deno.test("XML - elements, text, references, comments, CDATA", none, () => {
  const root = tryParseXml(
    '\ufeff<?xml version="1.0"?><!-- <no> -->\n<s:a x="1>2" y=\'"\' >' +
      "t&amp;&#65;&#x42;&lt;u<b/><c>one</c ><![CDATA[<&]]><c>two</c></s:a>\n",
  )!;
  assertEquals([root.name, root.text], ["a", "t&AB<u<&"]);
  assertEquals(root.children.map(({ name }) => name), ["b", "c", "c"]);
  assertEquals(xmlText(root, "c"), "one");
  assertEquals([...xmlElements(root, "c")].length, 2);
  assertEquals(xmlText(root, "d"), undefined);
  assertEquals(tryParseXml("<a>x & y</a>")?.text, "x & y");
  assertEquals(escapeXml("<a&b>"), "&lt;a&amp;b&gt;");
});

Deno.test(
  "XML - what is broken, has a DTD or entities of its own",
  none,
  () => {
    const bomb =
      '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>';
    for (
      const text of [
        bomb,
        "<a>&c;</a>",
        "<a>&#0;</a>",
        "<a>&#1114112;</a>",
        "<!ELEMENT a><a/>",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/><b/>",
        "<a/>text",
        "",
        "<a x=1/>",
        '<a x="<"/>',
        "<a",
        "<1/>",
        "<a><!-- </a>",
        "<a><![CDATA[</a>",
        "<?xml <a/>",
        `<${"n".repeat(129)}/>`,
      ]
    ) assertEquals(tryParseXml(text), undefined, text);
  },
);

Deno.test("XML - depth, elements and length are bounded", none, () => {
  const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);
  assertEquals(tryParseXml(nested(32))?.name, "a");
  assertEquals(tryParseXml(nested(33)), undefined);
  const flat = (count: number) => `<r>${"<b/>".repeat(count - 1)}</r>`;
  assertEquals(tryParseXml(flat(2048))?.children.length, 2047);
  assertEquals(tryParseXml(flat(2049)), undefined);
  const long = (length: number) => `<a>${"x".repeat(length - 7)}</a>`;
  assertEquals(tryParseXml(long(65_536))?.text.length, 65_529);
  assertEquals(tryParseXml(long(65_537)), undefined);
});
