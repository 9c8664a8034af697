// Wants a page, signs in at the identity provider on the way, arrives at the page, and signs out.
"use strict";

const { chromium } = require("playwright-core");

const asked = JSON.parse(process.argv[2]);

async function main() {
  const browser = await chromium.launch({
    executablePath: asked.browser,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
  const page = await browser.newPage();
  await page.goto(`${asked.base}/tokens`);
  await page.getByRole("link", { name: "Sign in at localhost" }).click();
  await page.getByLabel("Name").fill("ada");
  await Promise.all([
    page.waitForURL(`${asked.base}/tokens`),
    page.getByRole("button", { name: "Continue" }).click(),
  ]);
  await page.getByText("Ada").first().waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You are signed out.").waitFor();
  await page.goto(`${asked.base}/tokens`);
  await page.getByRole("link", { name: "Sign in at localhost" }).waitFor();
  await browser.close();
}

main().catch((error) => {
  process.stderr.write(String(error && error.stack ? error.stack : error));
  process.exit(1);
});
