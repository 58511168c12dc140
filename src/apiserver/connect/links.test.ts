import assert from "node:assert/strict";
import { test } from "node:test";
import { rewriteLink, rewriteLinks } from "./links.ts";

const root = { path: "/api/v1/namespaces/n/services/s/proxy", host: "localhost:8001" };

for (const { link, want } of [
  { link: "/a", want: `${root.path}/a` },
  { link: "/", want: `${root.path}/` },
  { link: "a", want: "a" },
  { link: "../a", want: "../a" },
  { link: "#x", want: "#x" },
  { link: "mailto:a@b", want: "mailto:a@b" },
  { link: "https://elsewhere/a", want: "https://elsewhere/a" },
  { link: "//elsewhere/a", want: "//elsewhere/a" },
  { link: "http://localhost:8001/a?b", want: `${root.path}/a?b` },
  { link: `${root.path}/a`, want: `${root.path}/a` },
]) {
  test(`a link to ${link} becomes ${want}`, () => {
    assert.equal(rewriteLink(link, root), want);
  });
}

test("links of a page are rewritten where an attribute holds one, and nothing else is touched", () => {
  const page = `<a class="/x" href="/rewriteme">test</a> <img src='/i.png'><script src=/s.js></script><p title="/no">/no</p><!-- <b> -->`;
  assert.equal(
    rewriteLinks(page, root),
    `<a class="/x" href="${root.path}/rewriteme">test</a> <img src='${root.path}/i.png'><script src=${root.path}/s.js></script><p title="/no">/no</p><!-- <b> -->`,
  );
});
