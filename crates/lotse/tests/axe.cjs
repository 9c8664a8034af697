// Opens every page in every way it can be seen and lets axe look at it. Asked and answered in JSON.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { chromium } = require("playwright-core");

const asked = JSON.parse(process.argv[2]);
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const ways = [
  { name: "light", media: { colorScheme: "light", forcedColors: "none" } },
  { name: "dark", media: { colorScheme: "dark", forcedColors: "none" } },
  { name: "forced", media: { colorScheme: "dark", forcedColors: "active" } },
];
const sizes = [
  { name: "phone", viewport: { width: 360, height: 740 } },
  { name: "desk", viewport: { width: 1280, height: 900 } },
];

// axe comes in through the debugger: no page lets a foreign script run.
async function look(page, address) {
  await page.goto(asked.base + address, { waitUntil: "load" });
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run());
  // A page that is wider than the window has to be moved to and fro to be read.
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  const problems = found.violations.map((one) => ({
    rule: one.id,
    help: one.help,
    where: one.nodes.slice(0, 3).map((node) => node.html),
  }));
  if (wide > 0) problems.push({ rule: "width", help: `wider than the window by ${wide}` });
  return problems;
}

async function main() {
  const browser = await chromium.launch({
    executablePath: asked.browser,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
  const [name, value] = asked.cookie.split("=");
  const problems = [];
  let looked = 0;
  for (const size of sizes) {
    const context = await browser.newContext({ viewport: size.viewport, bypassCSP: true });
    await context.addCookies([{ name, value, url: asked.base }]);
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push({ rule: "script", help: String(error) }));
    for (const way of ways) {
      await page.emulateMedia(way.media);
      for (const address of asked.pages) {
        for (const problem of await look(page, address)) {
          problems.push({ page: address, way: way.name, size: size.name, ...problem });
        }
        const file = `${size.name}-${way.name}${address.replace(/[^a-z0-9]+/gi, "-")}.png`;
        await page.screenshot({ path: path.join(asked.pictures, file), fullPage: true });
        looked += 1;
      }
    }
    await context.close();
  }
  await browser.close();
  process.stdout.write(JSON.stringify({ looked, problems }));
}

main().catch((error) => {
  process.stderr.write(String(error && error.stack ? error.stack : error));
  process.exit(1);
});
