import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  parseIgdServices,
  soapRequest,
  tryGatewayUrl,
  tryParseSoap,
} from "../../../portmap/codec/igd.ts";

const none = { permissions: "none" } as const;
const GATEWAY = "192.168.1.1";
const LOCATION = `http://${GATEWAY}:5000/root.xml`;
const TYPE = "urn:schemas-upnp-org:service:";
const service = (type: string, url: string) =>
  `<service><serviceType>${TYPE}${type}</serviceType><controlURL>${url}</controlURL></service>`;

Deno.test("IGD - only URLs on the gateway are followed", none, () => {
  const check = (text: string) => tryGatewayUrl(text, GATEWAY, LOCATION);
  assertEquals(check("/ctl?x=1#y"), `http://${GATEWAY}:5000/ctl?x=1`);
  assertEquals(check(`http://${GATEWAY}/c`), `http://${GATEWAY}/c`);
  // Other ways to write the same address.
  assertEquals(check("http://0xc0a80101/c"), `http://${GATEWAY}/c`);
  for (
    const text of [
      "http://192.168.1.2/c",
      "http://127.0.0.1/c",
      "http://localhost/c",
      "//example.org/c",
      `https://${GATEWAY}/c`,
      `file:///etc/passwd`,
      `http://user@${GATEWAY}/c`,
      `http://:secret@${GATEWAY}/c`,
      `http://${GATEWAY}:0/c`,
      `http://${GATEWAY}.example.org/c`,
      `http://${GATEWAY}@example.org/c`,
      `http://[::1]/c`,
      `http://${GATEWAY}/${"x".repeat(512)}`,
      "http://",
    ]
  ) assertEquals(check(text), undefined, text);
});

Deno.test("IGD - services of a description, best first", none, () => {
  const inner = service("WANPPPConnection:1", "/ppp") +
    service("Layer3Forwarding:1", "/l3") +
    service("WANIPConnection:1", "http://10.0.0.9/evil") +
    service("WANIPConnection:1", "ctl/ip1") +
    service("WANIPConnection:2", "/ip2");
  const parse = (text: string) => parseIgdServices(text, LOCATION, GATEWAY);
  const found = parse(`<root><device><d>${inner}</d></device></root>`);
  assertEquals(found.map(({ controlUrl }) => controlUrl), [
    `http://${GATEWAY}:5000/ip2`,
    `http://${GATEWAY}:5000/ctl/ip1`,
    `http://${GATEWAY}:5000/ppp`,
  ]);
  assertEquals(found.map(({ picksPorts }) => picksPorts), [true, false, false]);
  const base = `<URLBase>http://${GATEWAY}:80/</URLBase>`;
  assertEquals(
    parse(`<root>${base}${inner}</root>`)[0]?.controlUrl,
    `http://${GATEWAY}/ip2`,
  );
  const evil = "<URLBase>http://10.0.0.9/</URLBase>";
  assertEquals(parse(`<root>${evil}${inner}</root>`), []);
  const many = service("WANIPConnection:1", "/a").repeat(9);
  assertEquals(parse(`<root>${many}</root>`).length, 4);
  assertEquals(parse("<html>"), []);
});

Deno.test("IGD - what is asked and answered", none, () => {
  const [igd] = parseIgdServices(
    `<root>${service("WANIPConnection:1", "/c")}</root>`,
    LOCATION,
    GATEWAY,
  );
  const request = soapRequest(igd!, "AddPortMapping", [["NewA", "<&"]]);
  assertEquals(request.url, `http://${GATEWAY}:5000/c`);
  assertEquals(
    request.headers!.SOAPAction,
    `"${TYPE}WANIPConnection:1#AddPortMapping"`,
  );
  assertStringIncludes(
    request.body!,
    `<u:AddPortMapping xmlns:u="${TYPE}WANIPConnection:1"><NewA>&lt;&amp;</NewA></u:AddPortMapping>`,
  );
  const envelope = (body: string) =>
    `<s:Envelope><s:Body>${body}</s:Body></s:Envelope>`;
  const done = tryParseSoap(
    envelope("<u:GoResponse><NewB> 7 </NewB></u:GoResponse>"),
    "Go",
  );
  assert(done?.type === "done");
  assertEquals([done.value("NewB"), done.value("NewC")], ["7", undefined]);
  const fault = (code: string) =>
    tryParseSoap(
      envelope(
        `<s:Fault><detail><errorCode>${code}</errorCode></detail></s:Fault>`,
      ),
      "Go",
    );
  assertEquals(fault("725"), { type: "fault", code: 725 });
  assertEquals(fault("no"), { type: "fault", code: 0 });
  assertEquals(tryParseSoap(envelope("<u:StopResponse/>"), "Go"), undefined);
  assertEquals(tryParseSoap("<a><u:GoResponse/></a>", "Go"), undefined);
});
