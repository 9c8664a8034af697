// Subscribes with the keyboard alone, in a browser without scripts: Tab, Space, Enter and letters. Says "asked"
// when the page has sent its mail, and reads the address in it from standard input. Asked in JSON:
//   { "base", "mail": the address to type, "width" of the window, "dark", "pictures": a directory }
"use strict";

const path = require("node:path");
const readline = require("node:readline");
const { chromium } = require("playwright-core");

const asked = JSON.parse(process.argv[2]);

async function main() {
  const browser = await chromium.launch({
    executablePath: asked.browser,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
  const context = await browser.newContext({
    viewport: { width: asked.width, height: 700 },
    javaScriptEnabled: false,
    colorScheme: asked.dark ? "dark" : "light",
  });
  const page = await context.newPage();
  let pictures = 0;

  async function picture(name) {
    pictures += 1;
    const file = `${asked.width}-${asked.dark ? "dark" : "light"}-${pictures}-${name}.png`;
    await page.screenshot({ path: path.join(asked.pictures, file), fullPage: true });
  }

  // Goes on with Tab until this has the focus; everything on the way has to be in sight.
  async function tab(wanted, most = 60) {
    const target = await wanted.elementHandle({ timeout: 5000 });
    for (let step = 0; step < most; step += 1) {
      await page.keyboard.press("Tab");
      const focus = page.locator(":focus");
      const box = await focus.boundingBox();
      const view = page.viewportSize();
      const isSeen = box && box.width > 0 && box.y + box.height > 0 && box.y < view.height
        && box.x >= 0 && box.x + box.width <= view.width + 1;
      if (!isSeen) throw new Error(`what has the focus is out of sight: ${JSON.stringify(box)}`);
      const handle = await focus.elementHandle();
      const isIt = await handle.evaluate((one, other) => one === other, target);
      if (isIt) return;
    }
    throw new Error(`Tab does not lead to ${wanted}`);
  }

  async function enter(name) {
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    await picture(name);
  }

  await page.goto(`${asked.base}/en/`);
  // The first stop leads past the navigation.
  await page.keyboard.press("Tab");
  const first = await page.locator(":focus").textContent();
  if (first !== "Skip to the content") throw new Error(`the first stop is ${first}`);
  await picture("front");
  await tab(page.getByRole("link", { name: "Subscribe", exact: true }));
  await enter("form");
  // What cannot be an address is told, with all that was chosen kept.
  await tab(page.getByLabel("Mail address"));
  await page.keyboard.type(asked.mail);
  await tab(page.getByRole("checkbox", { name: "Rechner <x86> (west)" }));
  await page.keyboard.press("Space");
  await tab(page.getByLabel("How often"));
  await page.keyboard.type("Once a day");
  await tab(page.getByRole("button", { name: "Subscribe" }));
  await enter("asked");
  await page.getByRole("heading", { name: "Look for our message" }).waitFor();

  process.stdout.write("asked\n");
  const lines = readline.createInterface({ input: process.stdin });
  const link = (await lines[Symbol.asyncIterator]().next()).value;
  lines.close();

  await page.goto(link);
  await picture("question");
  await tab(page.getByRole("button", { name: "Yes, tell me" }));
  await enter("confirmed");
  await page.getByText("Saved.").waitFor();
  const chosen = page.getByRole("checkbox", { name: "Rechner <x86> (west)" });
  if (!(await chosen.isChecked())) throw new Error("the component is not chosen any more");
  const often = await page.getByLabel("How often").inputValue();
  if (often !== "daily") throw new Error(`a digest was wished, and it is ${often}`);
  // Another wish, and the end.
  await tab(page.getByLabel("Planned maintenance, too"));
  await page.keyboard.press("Space");
  await tab(page.getByRole("button", { name: "Save" }));
  await enter("saved");
  await tab(page.getByRole("button", { name: "Unsubscribe" }));
  await enter("ended");
  await page.getByRole("heading", { name: "You are unsubscribed" }).waitFor();
  await browser.close();
}

main().catch((error) => {
  process.stderr.write(String(error && error.stack ? error.stack : error));
  process.exit(1);
});
