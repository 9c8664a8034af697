// Keeps a page as it is at the daemon. Without this pages are complete; they do not change by themselves.
"use strict";
(() => {
  if (!window.EventSource || !window.DOMParser) return;
  let busy = false;
  let again = false;
  // What somebody is writing, has opened or has selected is not taken away.
  const inUse = (main) =>
    main.querySelector("details[open], input:focus, select:focus") !== null ||
    [...main.querySelectorAll("input, textarea")].some((one) => one.value !== one.defaultValue) ||
    String(window.getSelection()) !== "";
  const refresh = async () => {
    again = busy;
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const main = document.querySelector("main");
      if (answer.ok && !answer.redirected && !inUse(main)) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const focused = document.activeElement && document.activeElement.getAttribute("aria-label");
        main.replaceChildren(...page.querySelector("main").childNodes);
        if (focused) main.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
      }
    } catch {
      // The daemon is away; the stream comes back when it does.
    }
    busy = false;
    if (again) setTimeout(refresh, 500);
  };
  let first = true;
  new EventSource("/live").addEventListener("changed", () => {
    if (!first) refresh();
    first = false;
  });
})();
