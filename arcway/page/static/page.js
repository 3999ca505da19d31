// Refreshes the page while it is visible, and tells screen readers only what changed.
(() => {
  "use strict";

  const refreshed = () => document.querySelector("[data-refresh]");
  let timer;

  const plan = () => {
    clearTimeout(timer);
    const part = refreshed();
    if (part && !document.hidden) {
      timer = setTimeout(refresh, Number(part.dataset.refresh) * 1000);
    }
  };

  const refresh = () => {
    const part = refreshed();
    if (part && !document.hidden) {
      htmx.trigger(part, "refresh");
    }
    plan();
  };

  const summary = () => document.querySelector("[data-announce]")?.textContent.trim().replace(/\s+/g, " ");
  let announced = summary();

  const announce = () => {
    const text = summary();
    if (text && text !== announced) {
      document.getElementById("announcer").textContent = announced = text;
    }
  };

  const stale = (isStale) => {
    document.getElementById("stale").hidden = !isStale;
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
  document.addEventListener("htmx:afterSettle", () => {
    announce();
    plan();
  });
  // This comes after every response, an error's too.
  document.addEventListener("htmx:afterOnLoad", ({ detail }) => stale(detail.xhr.status >= 500));
  document.addEventListener("htmx:sendError", () => stale(true));
  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (detail.xhr.status < 500 && "refresh" in detail.elt.dataset) {
      location.reload(); // what was shown is no more, and the whole page says why
    }
  });
  // With the fragment that the skip link leaves in the address, htmx would scroll there after every refresh.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    detail.path = detail.path.split("#")[0];
  });
  plan();
})();
