// Signs in with the link, approves the change in a form, and sees another open page change by itself.
"use strict";

const { chromium } = require("playwright-core");

const asked = JSON.parse(process.argv[2]);

async function main() {
  const browser = await chromium.launch({
    executablePath: asked.browser,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(asked.link);
  await Promise.all([page.waitForURL(`${asked.base}/`), page.click("main button")]);
  const other = await context.newPage();
  await other.goto(`${asked.base}/`);
  await other.getByText("waits for approval").waitFor();
  await page.goto(asked.base + asked.change);
  await page.fill("#note", "seen in a browser");
  await page.getByRole("button", { name: /^Approve all/ }).click();
  await page.getByText("seen in a browser").waitFor();
  await other.getByText("waits for approval").waitFor({ state: "detached" });
  await browser.close();
}

main().catch((error) => {
  process.stderr.write(String(error && error.stack ? error.stack : error));
  process.exit(1);
});
