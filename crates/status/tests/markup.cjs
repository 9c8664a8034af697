// Reads pages and lets html-validate look at them with the rules that it recommends. Asked with the pages
// (whole addresses, or addresses below `base`) and a cookie or none; answers in JSON.
"use strict";

const { HtmlValidate, StaticConfigLoader } = require("html-validate");

const asked = JSON.parse(process.argv[2]);

// Rules that are off ask for something that the standard leaves open.
const validator = new HtmlValidate(
  new StaticConfigLoader({
    root: true,
    extends: ["html-validate:recommended"],
    rules: {
      // Ours is written small; what matters is that all are written in one way.
      "doctype-style": ["error", { style: "lowercase" }],
      // Boxes of one name are a list of values, as radio buttons are one value.
      "form-dup-name": ["error", { shared: ["radio", "checkbox", "button", "reset", "submit"] }],
      // A button in a form sends it, and a field takes a line of text, when nothing else is said.
      "no-implicit-button-type": "off",
      "no-implicit-input-type": "off",
      // Tables of the console are shown as blocks on phones; without their roles, browsers would forget
      // that they are tables.
      "no-redundant-role": "off",
    },
  }),
);

async function main() {
  const problems = [];
  for (const page of asked.pages) {
    const headers = asked.cookie ? { cookie: asked.cookie } : {};
    const answer = await fetch(new URL(page, asked.base), { headers, redirect: "manual" });
    const kind = answer.headers.get("content-type");
    if (kind !== "text/html; charset=utf-8") {
      problems.push({ page, rule: "page", help: `${answer.status} ${kind}` });
      continue;
    }
    const report = await validator.validateString(await answer.text(), page);
    for (const { messages, source } of report.results) {
      const lines = (source ?? "").split("\n");
      for (const { ruleId, message, line, column } of messages) {
        const where = (lines[line - 1] ?? "").slice(Math.max(0, column - 60), column + 60);
        problems.push({ page, rule: ruleId, help: message, line, where });
      }
    }
  }
  process.stdout.write(JSON.stringify({ looked: asked.pages.length, problems }));
}

main().catch((error) => {
  process.stderr.write(String(error && error.stack ? error.stack : error));
  process.exit(1);
});
